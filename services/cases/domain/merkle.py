"""A Merkle tree shaped like that of RFC 9162 (2.1), with proofs that a leaf is in it and that it only grew.

Only the hashes of complete subtrees are kept, in tiles: tile (level, position) holds up to 32 hashes, those of the
nodes at tree level 5 * level from index 32 * position on. The hash of a full tile is one of the hashes of a tile one
level above. So a leaf is one hash in one tile until that is full, and a proof in a million leaves reads four tiles.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from hashlib import sha256

TILE_LEVELS = 5
TILE_HASHES = 1 << TILE_LEVELS
HASH_BYTES = 32
TILE_BYTES = TILE_HASHES * HASH_BYTES
EMPTY_ROOT = sha256(b"").digest()

Place = tuple[int, int]
"""Of a tile: its level and its position in it, both from 0."""
Node = Callable[[int, int], bytes]
"""Gives the hash of a complete subtree, by its level (0 for leaves) and its index from the left."""


def hash_leaf(data: bytes) -> bytes:
    """Return the hash of a leaf (RFC 9162, 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def root(node: Node, size: int) -> bytes:
    """Return the root of the tree of the first ``size`` leaves."""
    return _subtree(node, 0, size) if size else EMPTY_ROOT


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Return the path from a leaf to the root of the first ``size`` leaves, the leaf's sibling first (RFC 9162, 2.1.3).

    Raises ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        message = f"a tree of {size} leaves has no leaf {index}"
        raise ValueError(message)
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(node, middle, end))
            end = middle
        else:
            path.append(_subtree(node, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(node: Node, first: int, second: int) -> list[bytes]:
    """Return the proof that the tree of ``first`` leaves is the beginning of that of ``second`` (RFC 9162, 2.1.4).

    Raises ValueError unless 0 < first <= second.
    """
    if not 0 < first <= second:
        message = f"there is no proof from {first} leaves to {second}"
        raise ValueError(message)
    path = []
    start, end = 0, second
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_subtree(node, middle, end))
            end = middle
        else:
            path.append(_subtree(node, start, middle))
            start = middle
    if start:
        path.append(_subtree(node, start, end))
    return path[::-1]


def put(tiles: MutableMapping[Place, bytes], leaves: Mapping[int, bytes]) -> set[Place]:
    """Set the hashes of leaves, by their indexes, and of all that is above them; return the tiles that are changed.

    ``tiles`` has to hold those that there are among ``places_above`` of the indexes. Raises ValueError when a leaf
    would leave a gap.
    """
    changed: set[Place] = set()
    level, hashes = 0, leaves
    while hashes:
        touched: dict[int, bytearray] = {}
        for index in sorted(hashes):
            position, offset = index >> TILE_LEVELS, (index % TILE_HASHES) * HASH_BYTES
            tile = touched.setdefault(position, bytearray(tiles.get((level, position), b"")))
            if offset > len(tile):
                message = f"there is no hash before that at level {level * TILE_LEVELS}, index {index}"
                raise ValueError(message)
            tile[offset : offset + HASH_BYTES] = hashes[index]
        tiles.update({(level, position): bytes(tile) for position, tile in touched.items()})
        changed.update((level, position) for position in touched)
        hashes = {position: fold(tile) for position, tile in touched.items() if len(tile) == TILE_BYTES}
        level += 1
    return changed


def misfit(tiles: Mapping[Place, bytes], size: int, expected: bytes) -> Place | None:
    """Return the first tile that does not fit the tile above it, or the root of ``size`` leaves; None when all do.

    ``tiles`` has to hold what the root is read from; of the others, each is compared when the one above it is there.
    """
    for (level, position), tile in sorted(tiles.items()):
        above = tiles.get((level + 1, position >> TILE_LEVELS), b"")
        at = position % TILE_HASHES * HASH_BYTES
        if above and len(tile) == TILE_BYTES and above[at : at + HASH_BYTES] != fold(tile):
            return level, position
    try:
        return None if root(nodes_in(tiles), size) == expected else place_of(0, size - 1)
    except KeyError as lost:
        place: Place = lost.args[0]
        return place


def places_above(indexes: Iterable[int], size: int) -> set[Place]:
    """Return the places of the tiles that hold leaves, and of all above them, in a tree of ``size`` leaves."""
    places: set[Place] = set()
    level, positions = 0, {index >> TILE_LEVELS for index in indexes}
    while positions and size:
        places.update((level, position) for position in positions)
        positions = {position >> TILE_LEVELS for position in positions}
        size >>= TILE_LEVELS
        level += 1
    return places


def places_read(make: Callable[[Node], object]) -> set[Place]:
    """Return the places of the tiles that ``make`` reads nodes from."""
    places: set[Place] = set()

    def note(level: int, index: int) -> bytes:
        places.add(place_of(level, index))
        return b""

    make(note)
    return places


def place_of(level: int, index: int) -> Place:
    """Return the place of the tile that a node's hash is read from."""
    return level // TILE_LEVELS, index << level % TILE_LEVELS >> TILE_LEVELS


def nodes_in(tiles: Mapping[Place, bytes]) -> Node:
    """Return what gives the hashes of nodes from tiles; it raises KeyError, with its place, for one that is not there.

    A tile that is too short for what is asked of it is not there either.
    """

    def node(level: int, index: int) -> bytes:
        below = level % TILE_LEVELS
        place, offset = place_of(level, index), (index << below) % TILE_HASHES * HASH_BYTES
        end = offset + (HASH_BYTES << below)
        if len(tiles.get(place, b"")) < end:
            raise KeyError(place)
        return fold(tiles[place][offset:end])

    return node


def fold(hashes: bytes | bytearray) -> bytes:
    """Return the root above 1, 2, 4 ... hashes that stand one after the other. Raises ValueError for another number."""
    count = len(hashes) // HASH_BYTES
    if len(hashes) % HASH_BYTES or count.bit_count() != 1:
        message = f"{len(hashes)} bytes are not the hashes of a complete subtree"
        raise ValueError(message)
    row = [bytes(hashes[at : at + HASH_BYTES]) for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [hash_children(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _subtree(node: Node, start: int, end: int) -> bytes:
    """Return the hash of the leaves from ``start`` to before ``end``, a range into which the tree divides itself."""
    size = end - start
    level = size.bit_length() - 1
    if size == 1 << level:
        return node(level, start >> level)
    middle = start + _split(size)
    return hash_children(_subtree(node, start, middle), _subtree(node, middle, end))


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1
