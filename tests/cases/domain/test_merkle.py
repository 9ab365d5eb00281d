"""The Merkle tree: against RFC 9162, against another library, and by properties.

`vectors/merkle.json` was made once with the library that it names, which is not among the requirements: its licence is
the GPL's. The checks of proofs are those of `cli/tree_proofs.py`, which share no code with the tree.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.tree_proofs import SignedHead, leaf_hash, only_grew, root_above
from services.cases.domain import merkle
from services.cases.domain.merkle import Place

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "merkle.json").read_text("utf-8"))
# The leaves with which implementations of Certificate Transparency check themselves, and their roots.
KNOWN_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
sizes = st.integers(1, 200) | st.sampled_from([1023, 1024, 1025, 1057])


class Tree:
    """A tree over leaves, put in one after the other or in batches."""

    def __init__(self, leaves: Sequence[bytes], batches: Sequence[int] = ()) -> None:
        self.tiles: dict[Place, bytes] = {}
        self.leaves = list(leaves)
        start = 0
        for size in [*batches, len(leaves)]:
            end = min(start + size, len(leaves))
            self.put({index: leaves[index] for index in range(start, end)})
            start = end
        self.node = merkle.nodes_in(self.tiles)

    def put(self, leaves: dict[int, bytes]) -> None:
        merkle.put(self.tiles, {index: merkle.hash_leaf(leaf) for index, leaf in leaves.items()})

    def root(self, size: int | None = None) -> str:
        return merkle.root(self.node, len(self.leaves) if size is None else size).hex()

    def path(self, index: int, size: int) -> list[str]:
        return [each.hex() for each in merkle.inclusion_proof(self.node, index, size)]

    def growth(self, first: int, second: int) -> list[str]:
        return [each.hex() for each in merkle.consistency_proof(self.node, first, second)]

    def head(self, size: int) -> SignedHead:
        return a_head(size, self.root(size))


def a_head(size: int, root: str) -> SignedHead:
    return SignedHead(size=size, root=root, cases=0, cases_root=root, at="now", key_id="k", signature="00" * 64)


def a_tree(size: int, batches: Sequence[int] = ()) -> Tree:
    return Tree([b"leaf %d" % number for number in range(size)], batches)


def defined(leaves: Sequence[bytes]) -> bytes:
    """The definition, as RFC 9162, 2.1.1 has it."""
    if len(leaves) < 2:
        return sha256(b"\0" + leaves[0]).digest() if leaves else sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + defined(leaves[:k]) + defined(leaves[k:])).digest()


def test_known_leaves_have_their_known_roots() -> None:
    tree = Tree([bytes.fromhex(leaf) for leaf in KNOWN_LEAVES])
    assert [tree.root(size) for size in range(9)] == KNOWN_ROOTS


def test_another_library_has_the_same_roots_and_paths() -> None:
    tree = a_tree(1500)
    assert {size: tree.root(int(size)) for size in VECTORS["roots"]} == VECTORS["roots"]
    assert len(VECTORS["inclusion"]) > 30
    for each in VECTORS["inclusion"]:
        assert tree.path(each["leaf"], each["size"]) == each["path"]


def test_proofs_have_the_shape_of_the_example_in_the_rfc() -> None:
    """RFC 9162, 2.1.5: seven leaves, whose nodes are named a to l."""
    tree = a_tree(7)
    a, b, c, d, e, f, j = (leaf_hash(leaf) for leaf in tree.leaves)
    g, h, i = (merkle.hash_children(bytes.fromhex(x), bytes.fromhex(y)).hex() for x, y in ((a, b), (c, d), (e, f)))
    k = merkle.hash_children(bytes.fromhex(g), bytes.fromhex(h)).hex()
    ends = merkle.hash_children(bytes.fromhex(i), bytes.fromhex(j)).hex()
    assert tree.path(0, 7) == [b, h, ends]
    assert tree.path(3, 7) == [c, g, ends]
    assert tree.path(4, 7) == [f, j, k]
    assert tree.path(6, 7) == [i, k]
    assert tree.growth(3, 7) == [c, d, g, ends]
    assert tree.growth(4, 7) == [ends]
    assert tree.growth(6, 7) == [i, j, k]


@given(sizes, st.lists(st.integers(0, 100), max_size=5))
def test_the_root_is_the_defined_one_however_leaves_came(size: int, batches: list[int]) -> None:
    tree = a_tree(size, batches)
    assert tree.root() == defined(tree.leaves).hex()


@given(st.data())
def test_a_path_leads_from_its_leaf_to_the_root_and_from_nothing_else(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    tree = a_tree(size + data.draw(st.integers(0, 40)))
    path, root = tree.path(index, size), tree.root(size)
    leaf = leaf_hash(tree.leaves[index])
    assert root_above(leaf, index, size, path) == root
    assert root_above(leaf_hash(b"other"), index, size, path) != root
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index)) if size > 1 else None
    assert other is None or root_above(leaf, other, size, path) != root
    assert root_above(leaf, index, size, [*path, root]) != root
    assert root_above(leaf, size, size, path) is None
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        assert root_above(leaf, index, size, [*path[:place], "00" * 32, *path[place + 1 :]]) != root
        assert root_above(leaf, index, size, path[:-1]) != root


@given(st.data())
def test_a_tree_that_only_grew_can_be_told_from_any_other(data: st.DataObject) -> None:
    second = data.draw(sizes)
    first = data.draw(st.integers(1, second))
    tree = a_tree(second)
    path = tree.growth(first, second)
    assert only_grew(tree.head(first), tree.head(second), path)
    changed = data.draw(st.integers(0, first - 1))
    forged = Tree([b"forged" if index == changed else leaf for index, leaf in enumerate(tree.leaves)])
    assert not only_grew(tree.head(first), forged.head(second), forged.growth(first, second))
    assert not only_grew(forged.head(first), tree.head(second), path)
    assert not only_grew(tree.head(first), tree.head(second), [*path, "00" * 32])
    if first < second:
        assert not only_grew(tree.head(second), tree.head(first), path)
        assert not only_grew(tree.head(first), tree.head(second), path[:-1])


@given(st.data())
def test_replaced_leaves_give_the_root_of_the_leaves_as_they_are_now(data: st.DataObject) -> None:
    tree = a_tree(data.draw(sizes))
    size = len(tree.leaves)
    for _ in range(data.draw(st.integers(1, 3))):
        indexes = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=8))
        fresh = {index: b"again %d" % data.draw(st.integers(0, 99)) for index in indexes}
        for index, leaf in fresh.items():
            tree.leaves[index] = leaf
        tree.put(fresh)
    assert tree.root() == defined(tree.leaves).hex()
    assert merkle.misfit(tree.tiles, size, bytes.fromhex(tree.root())) is None


@given(st.data())
def test_only_the_tiles_that_are_named_are_needed(data: st.DataObject) -> None:
    """What a database is asked for is enough: to add leaves, and to prove one."""
    before, more = data.draw(sizes), data.draw(st.integers(1, 70))
    whole, tree = a_tree(before + more), a_tree(before)
    fresh = {index: merkle.hash_leaf(whole.leaves[index]) for index in range(before, before + more)}
    places = merkle.places_above(fresh, before + more)
    loaded = {place: tile for place, tile in tree.tiles.items() if place in places}
    changed = merkle.put(loaded, fresh)
    assert {**tree.tiles, **{place: loaded[place] for place in changed}} == whole.tiles
    index = data.draw(st.integers(0, before - 1))
    needed = merkle.places_read(lambda node: merkle.inclusion_proof(node, index, before))
    some = merkle.nodes_in({place: whole.tiles[place] for place in needed})
    assert merkle.inclusion_proof(some, index, before) == merkle.inclusion_proof(whole.node, index, before)


@given(st.data())
def test_a_changed_tile_does_not_fit(data: st.DataObject) -> None:
    tree = a_tree(data.draw(sizes))
    root = bytes.fromhex(tree.root())
    place = data.draw(st.sampled_from(sorted(tree.tiles)))
    byte = data.draw(st.integers(0, len(tree.tiles[place]) - 1))
    tile = bytearray(tree.tiles[place])
    tile[byte] ^= 1
    tree.tiles[place] = bytes(tile)
    assert merkle.misfit(tree.tiles, len(tree.leaves), root) is not None


def test_what_cannot_be_proven_is_refused() -> None:
    tree = a_tree(5)
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="has no leaf"):
            merkle.inclusion_proof(tree.node, index, size)
    for first, second in ((0, 5), (6, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no proof"):
            merkle.consistency_proof(tree.node, first, second)
    with pytest.raises(ValueError, match="no hash before"):
        merkle.put(tree.tiles, {7: b"\0" * 32})
    with pytest.raises(ValueError, match="complete subtree"):
        merkle.fold(b"\0" * 96)
    with pytest.raises(KeyError):
        tree.node(0, 5)
