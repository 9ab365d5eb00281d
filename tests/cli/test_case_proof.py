"""The check of a proof, on a machine that has nothing but the file and the public key."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from chassis.database import Database, create_tables
from chassis.testing import ManualClock
from cli.main import app
from services.cases.domain.log import LogKey, make_key
from services.cases.store import metadata
from tests.cases.logs import KEY, LoggedTown, told

Proof = dict[str, Any]


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """Of a case with seven entries, among others."""
    folder = tmp_path_factory.mktemp("town")
    clock = ManualClock()
    database = Database(f"sqlite:///{folder}/cases.sqlite3", "cases", signals_folder=folder, clock=clock)
    create_tables(database, metadata)
    logged = LoggedTown(database, clock, folder)
    for _ in range(20):
        logged.finished()
    case_id = logged.finished()
    logged.finished()
    yield logged.proof(case_id)
    database.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "log.pem"
    file.write_text(KEY.public_pem)
    return file


def checked(proof: object, key: Path, *options: str) -> Result:
    file = key.with_name("proof.json")
    file.write_text(proof if isinstance(proof, str) else json.dumps(proof))
    return CliRunner().invoke(app, ["case", "verify", str(file), "--key", str(key), *options])


def test_a_proof_that_holds_is_told_in_words(proof: Proof, key: Path) -> None:
    result = checked(proof, key)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"case {proof['case_id']}: verified",
        "  7 entries, none changed, missing or moved",
        f"  each is in the log of 154 entries that key {KEY.key_id} signed at {proof['head']['at']}",
        "  the log held no further entry of this case then",
    ]


def test_for_programs_it_is_told_as_json(proof: Proof, key: Path) -> None:
    result = checked(proof, key, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["head"] == proof["head"]
    assert (found["verified"], found["case_id"], found["entries"], found["withheld"], found["faults"]) == (
        True,
        proof["case_id"],
        7,
        {"open": 0, "internal": 0},
        [],
    )


def test_what_is_wrong_is_named_and_ends_with_status_1(proof: Proof, key: Path) -> None:
    forged = deepcopy(proof)
    forged["entries"][2]["content"]["internal"]["content"]["actor"] = "client:forger"
    del forged["entries"][4]
    result = checked(forged, key)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"case {proof['case_id']}: this history is not what the log holds",
        "  entry 5 is missing: the log holds 7 entries of this case",
        "  entry 3 was changed: its internal part is not the one that it commits to",
    ]
    found = json.loads(checked(forged, key, "--json").stdout)
    assert found["verified"] is False
    assert [each["where"] for each in found["faults"]] == ["entry 5", "entry 3"]


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda p: p["entries"].pop(), ["entry 7 is missing: the log holds 7 entries of this case"]),
        (lambda p: p.update(entries=[]), ["entries 1 to 7 are missing: the log holds 7 of this case"]),
        (
            lambda p: p["entries"].insert(1, p["entries"].pop(2)),
            ["entry 2 stands after entry 3"],
        ),
        (
            lambda p: p["entries"].append(p["entries"][6]),
            ["entry 7 is there 2 times", "entry 7 is in the log before entry 7"],
        ),
        (
            lambda p: (p["entries"].pop(), p["registered"].update(entries=6, hash=p["entries"][5]["hash"])),
            ["register does not say that the log holds 6 entries of this case"],
        ),
        (
            lambda p: p["registered"].update(entries=2**53 - 1),
            [
                "register does not say that the log holds 9007199254740991 entries of this case",
                "entries 8 to 9007199254740991 are missing: the log holds 9007199254740991 of this case",
            ],
        ),
        (
            lambda p: p["entries"][2]["content"].update(at="2026-03-02T01:00:00.000Z"),
            ["entry 3 was changed: its content does not give its hash"],
        ),
        (
            lambda p: p["entries"][0]["content"]["open"].update(commitment="00" * 32),
            [
                "entry 1 was changed: its open part is not the one that it commits to",
                "entry 1 was changed: its content does not give its hash",
            ],
        ),
        (
            lambda p: p["entries"][0]["content"]["open"].update(salt=None, content=None, commitment="00" * 32),
            ["entry 1 was changed: its content does not give its hash"],
        ),
        (
            lambda p: p["head"].update(size=155),
            ["head is not what was signed: the signature does not fit its size, roots and time"],
        ),
    ],
)
def test_each_fault_has_its_words(proof: Proof, change: Callable[[Proof], object], faults: list[str]) -> None:
    forged = deepcopy(proof)
    change(forged)
    assert told(forged)[: len(faults)] == faults


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all values that hold no others."""
    if isinstance(value, dict | list) and value:
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, name))
    else:
        yield path


def other(value: Any) -> Any:
    """A value of the same kind, which differs."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            last = value[-1:]
            return value[:-1] + ("0" if last != "0" else "1")
        case None:
            return "something"
        case _:
            return {"x": 1} if isinstance(value, dict) else ["00" * 32]


@given(st.data())
def test_nothing_in_a_proof_can_be_changed_unseen(proof: Proof, data: st.DataObject) -> None:
    """Every single value, and every entry, counts."""
    forged = deepcopy(proof)
    path = data.draw(st.sampled_from(list(places(proof))))
    holder: Any = forged
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = other(holder[path[-1]])
    try:
        assert told(forged) != []
    except ValidationError:
        assert path == ("format",)


@given(st.data())
def test_contents_can_be_withheld_and_the_rest_still_holds(proof: Proof, data: st.DataObject) -> None:
    entries, parts = st.integers(0, 6), st.sampled_from(["open", "internal"])
    shown = deepcopy(proof)
    for number, part in data.draw(st.sets(st.tuples(entries, parts))):
        shown["entries"][number]["content"][part] |= {"salt": None, "content": None}
    for number in data.draw(st.sets(entries)):
        shown["entries"][number]["content"] = None
    assert told(shown) == []
    number = data.draw(st.integers(0, 6))
    shown["entries"][number]["hash"] = "00" * 32
    assert any(fault.startswith(f"entry {number + 1}") for fault in told(shown))


def test_what_was_withheld_is_told(proof: Proof, key: Path) -> None:
    shown = deepcopy(proof)
    shown["entries"][1]["content"] = None
    shown["entries"][2]["content"]["internal"] |= {"salt": None, "content": None}
    said = checked(shown, key).stdout.splitlines()
    assert said[2:4] == [
        "  the open part of 1 of them is withheld and was not checked",
        "  the internal part of 2 of them is withheld and was not checked",
    ]
    assert json.loads(checked(shown, key, "--json").stdout)["withheld"] == {"open": 1, "internal": 2}


def test_a_proof_survives_programs_that_rewrite_json(proof: Proof) -> None:
    """Sorted, and numbers written in another way."""
    rewritten = json.loads(json.dumps(proof, sort_keys=True, indent=3))
    assert told(rewritten) == []


def test_another_key_is_told_apart_from_a_forged_head(proof: Proof, key: Path) -> None:
    stranger = LogKey.from_pem(make_key())
    key.write_text(stranger.public_pem)
    result = checked(proof, key)
    assert result.exit_code == 1
    expected = f"  head is signed by another key: it names {KEY.key_id}, and the key given is {stranger.key_id}"
    assert result.stdout.splitlines()[1:] == [expected]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is no proof of a case: the whole"),
        ('{"format": "duokua case proof 1"}', "format: Input should be 'duokua case proof 2'"),
        ('{"format": "duokua case proof 2", "case_id": "c\\n1"}', "case_id: Value error, must not hold control"),
    ],
)
def test_a_file_that_is_no_proof_is_refused(key: Path, text: str, told: str) -> None:
    result = checked(text, key)
    assert result.exit_code == 1
    assert isinstance(result.exception, ValueError)
    assert str(key.with_name("proof.json")) in str(result.exception)
    assert told in str(result.exception)


@pytest.mark.parametrize("content", ["", "no key", KEY.public_pem.replace("M", "N")])
def test_a_file_that_holds_no_key_is_refused(proof: Proof, key: Path, content: str) -> None:
    key.write_text(content)
    assert "holds no public Ed25519 key" in str(checked(proof, key).exception)


def test_it_needs_neither_settings_nor_a_platform(proof: Proof, key: Path, tmp_path: Path) -> None:
    """In a process of its own, with settings that no command bears, and no network."""
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof))
    script = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('a connection')\n"
        "socket.socket.connect = refuse\n"
        "from cli.main import run\n"
        f"sys.argv = ['duokua', 'case', 'verify', {str(file)!r}, '--key', {str(key)!r}]\n"
        "run()\n"
    )
    environment = {**os.environ, "DUOKUA_LISTEN": "nowhere", "DUOKUA_DATABASE_URL": "x", "DUOKUA_LOG_LEVEL": "x"}
    root = Path(__file__).parents[2]
    environment["PYTHONPATH"] = str(root)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "verified" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.pem", "proof.json"]
