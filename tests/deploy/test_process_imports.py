"""nameko's green threads and gRPC's native ones block each other: neither process kind may even import the other's.

The import rules see what a module says it imports; this sees what is loaded in the end.
"""

import json
import subprocess
import sys

import pytest

from chassis.settings import SERVICES
from tests.deploy.compose import ROOT

LOADED = (
    "import importlib, json, sys; [importlib.import_module(name) for name in {}]; print(json.dumps([*sys.modules]))"
)


@pytest.mark.parametrize(
    ("entry", "kind", "kept_out"),
    [
        ("chassis.worker_process", "worker", {"grpc"}),
        ("chassis.api_process", "api", {"nameko", "eventlet"}),
    ],
)
def test_a_process_does_not_load_what_blocks_it(entry: str, kind: str, kept_out: set[str]) -> None:
    names = [entry, *(f"services.{service}.{kind}" for service in SERVICES)]
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED.format(names)],
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert set(names) <= set(json.loads(loaded))
    assert not kept_out & set(json.loads(loaded))
