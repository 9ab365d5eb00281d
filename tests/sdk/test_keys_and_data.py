import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from duokua import ClientKey, from_struct, to_struct
from duokua.endpoints import service_config

# RFC 7515, appendix A.3.
RFC_7515_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}


def test_a_key_is_saved_for_its_owner_only_and_read_back(tmp_path: Path) -> None:
    key = ClientKey.generate()
    path = tmp_path / "key.json"
    path.write_text("an older file")
    path.chmod(0o644)
    key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ClientKey.load(path).thumbprint == key.thumbprint
    assert list(tmp_path.iterdir()) == [path]


def test_the_public_half_holds_nothing_private() -> None:
    key = ClientKey.generate()
    public = json.loads(key.public_jwk)
    assert "d" not in public
    assert (public["kty"], public["crv"], public["kid"]) == ("EC", "P-256", key.thumbprint)
    assert repr(key) == f"ClientKey('{key.thumbprint}')"


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    # As openssl gives it for the canonical form.
    assert ClientKey.from_jwk(json.dumps(RFC_7515_KEY)).thumbprint == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"


PUBLIC = json.dumps({name: value for name, value in RFC_7515_KEY.items() if name != "d"})


@pytest.mark.parametrize("jwk", ["not json", "[]", '{"kty": "oct", "k": "AAAA"}', PUBLIC])
def test_what_is_no_private_p256_key_is_refused(tmp_path: Path, jwk: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(jwk)
    path.chmod(0o600)
    with pytest.raises(ValueError, match=r"key\.json does not hold a private P-256 key|must be a private P-256 key"):
        ClientKey.load(path)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc文"), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc文"), json_values, max_size=5))
def test_data_comes_back_as_it_went(data: dict[str, object]) -> None:
    wire = to_struct(data).SerializeToString()
    assert from_struct(Struct.FromString(wire)) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": [{"b": b""}]}, r"data.a\[0\].b is of type bytes"),
        ({"a": {1: 2}}, "data.a has the key 1, of type int"),
        ({"a": float("nan")}, "data.a is nan"),
        ({"a": 2**53 + 1}, "would lose digits"),
    ],
)
def test_what_json_cannot_hold_is_named(data: dict[str, object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        to_struct(data)


def test_data_that_holds_itself_is_refused() -> None:
    data: dict[str, object] = {}
    data["self"] = data
    with pytest.raises(ValueError, match="nested deeper than 30 levels"):
        to_struct(data)


def test_only_calls_that_may_be_repeated_are_retried() -> None:
    repeatable, others = json.loads(service_config(wait_for_ready=False))["methodConfig"]
    retried = {f"{name['service']}/{name['method']}" for name in repeatable["name"]}
    assert "duokua.cases.v1.CaseService/SubmitCase" in retried
    assert "duokua.cases.v1.CaseService/GetCase" in retried
    assert {f"{name['service']}/{name['method']}" for name in others["name"]} == {
        "duokua.cases.v1.TaskService/Work",
        "duokua.identity.v1.TokenService/IssueToken",
        "duokua.matters.v1.CatalogueService/ImportMatters",
    }


def test_messages_are_imported_without_grpc() -> None:
    code = "import sys, duokua, duokua.cases.v1.events_pb2; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
