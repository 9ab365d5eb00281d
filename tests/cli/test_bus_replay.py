"""A dead letter of a whole platform is replayed: from the command through the api process to the worker, and back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.bus import dead_letters, inbox
from chassis.bus.broker import Failure
from chassis.bus.events import Envelope, event_type
from chassis.clock import new_id
from chassis.context import open_database
from chassis.settings import Settings
from cli.supervise import environment_of
from duokua.identity.v1 import directory_pb2, events_pb2
from tests.docs.pages import ROOT
from tests.platform.starting import embedded

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]


def park(settings: Settings, *bodies: bytes) -> list[str]:
    """Parks events of organs at routing; gives the letters' ids."""
    database, ids = open_database(settings, "routing"), [new_id() for _ in bodies]
    with database.begin() as work:
        for letter_id, body in zip(ids, bodies, strict=True):
            kind, time = event_type(events_pb2.OrganRegistered), "2026-03-02T01:00:00.000Z"
            envelope = Envelope(letter_id, kind, "/services/identity", "o1", time, body, attempts=10)
            dead_letters.park(work, envelope, Failure("HANDLER_FAILED", "it did not work"))
    database.close()
    return ids


def test_a_dead_letter_is_handled_by_the_worker_once_an_operator_asks(tmp_path: Path) -> None:
    organ = directory_pb2.Organ(
        organ_id=new_id(),
        name="西湖区市场监督管理局",
        uscc="11330106MB1A00001G",
        region_code="330106",
        level=directory_pb2.ORGAN_LEVEL_COUNTY,
    )
    with embedded(tmp_path) as installation:
        good, bad = park(
            installation.settings,
            events_pb2.OrganRegistered(organ=organ, version=1).SerializeToString(),
            b"\xff\xfe",
        )
        replay = ["bus", "dead", "replay", "routing", "--all", "--reason", "fixed", "--wait", "--json"]
        command = [sys.executable, "-m", "cli.main", *replay]
        environment = {**os.environ, **environment_of(installation.settings), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == 1, done.stderr
        outcome = json.loads(done.stdout)["outcome"]
        assert (outcome["done"], outcome["waiting"]) == ([good], [])
        assert [(letter["letter_id"], letter["reason"]) for letter in outcome["failed"]] == [(bad, "UNDECODABLE_EVENT")]
        database = open_database(installation.settings, "routing")
        with database.begin() as work:
            assert inbox.remember(work, [good]) == set()
        database.close()
