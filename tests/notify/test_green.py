"""Deliveries in a process of green threads, which a worker is."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.notify.receiver import Receiver, answer

PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
import chassis.bus.green
import eventlet, json, pathlib, threading
from chassis.database import Database, create_tables
from services.notify import store
from services.notify.deliverer import Deliverer
from services.notify.service import DELIVERIES
from sqlalchemy import select
from tests.notify.builders import FIRE, TAX, accepted, notify, register, sender, vault

folder, slow, quick = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
database = Database(f"sqlite:///{folder}/notify.sqlite3", "notify", signals_folder=folder)
create_tables(database, store.metadata)
deliverer = Deliverer(vault(), sender())
woken = threading.Event()
database.callbacks.add(DELIVERIES, woken.set)
def deliver():
    while True:
        woken.clear()
        deliverer.deliver_due(database)
        woken.wait()
eventlet.spawn(deliver)
with database.begin() as work:
    register(notify(), work, slow, TAX)
    register(notify(), work, quick, FIRE)
    notify().tell(work, [accepted(version=number, organ_id="tax-bureau") for number in range(3)])
    notify().tell(work, [accepted(version=number, organ_id="fire-brigade") for number in range(30)])
with eventlet.Timeout(20):
    while True:
        with database.read() as work:
            rows = work.connection.execute(select(store.deliveries.c.status, store.deliveries.c.organ_id)).all()
        done = [row.organ_id for row in rows if row.status == 2]
        if len(done) == 30:
            break
        eventlet.sleep(0.05)
print(json.dumps(sorted(set(done))), flush=True)
import os
os._exit(0)
"""


def test_a_slow_endpoint_holds_up_nobody_else_in_a_worker(receiver: Receiver, tmp_path: Path) -> None:
    free = threading.Event()

    def hold(handler: BaseHTTPRequestHandler) -> None:
        free.wait(30)
        answer(204)(handler)

    with Receiver() as slow:
        slow.behaviours = [hold, hold, hold]
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), slow.url, receiver.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        free.set()
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout.splitlines()[-1]) == ["fire-brigade"]
        assert len(slow.got) == 1
        assert len(receiver.got) == 30
