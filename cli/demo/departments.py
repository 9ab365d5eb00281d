"""A department's own system, as a department would write it: with the SDK and the standard library, nothing else.

`python -m cli.demo.departments FOLDER PACE MATTER...` works on these matters for the office whose client the
environment names. It keeps a ledger of what it did, in which a task that comes again finds its first result. Clerks
take PACE seconds for a matter. Lines on standard input are the office's manager: "hold MATTER" keeps a matter on the
desk, "release MATTER" lets go of it, "listen" opens a webhook and "close" closes it; the end of the input ends the
system.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from duokua import Department, DuokuaError, Refuse, Retry, Task
from duokua.notify.v1 import notify_service_pb2

# Standard Webhooks: a message older than this may be a replayed one.
_OLDEST_MESSAGE_SECONDS = 300
_NUMBER = re.compile(r"[0-9]{1,12}")


class Journal:
    """A file of JSON lines; what `write` has returned from survives a power cut."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+", encoding="utf-8")
        self._lock = threading.Lock()
        self._file.seek(0)
        self.found = [json.loads(line) for line in self._file]

    def write(self, entry: dict[str, Any]) -> None:
        """Append one entry."""
        with self._lock:
            self._file.write(json.dumps({"at": datetime.now(UTC).isoformat(), **entry}, ensure_ascii=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Ledger:
    """What the office did and undid: one entry a task, however often the task comes."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self._lock = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {entry["task_id"]: entry for entry in self._journal.found}

    def once(self, task: Task, act: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
        """The entry of a task: the one there is, or a new one of what `act` says, given its serial number."""
        with self._lock:
            entry = self._entries.get(task.task_id)
            if entry is None:
                entry = {
                    "task_id": task.task_id,
                    "case_number": task.case_number,
                    "step_id": task.step_id,
                    "handled_task_id": task.handled_task_id,
                    **act(len(self._entries) + 1),
                }
                self._journal.write(entry)
                self._entries[task.task_id] = entry
            return entry


class Desks:
    """Where matters lie until a clerk gets to them."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._held: set[str] = set()
        self._changed = threading.Condition()

    def hold(self, matter: str) -> None:
        """Have the matter's cases wait."""
        with self._changed:
            self._held.add(matter)

    def release(self, matter: str) -> None:
        """Have them wait no longer."""
        with self._changed:
            self._held.discard(matter)
            self._changed.notify_all()

    def work_on(self, task: Task) -> bool:
        """Return when the clerk has seen to the task; False when it is no longer ours by then."""
        task.cancelled.wait(self._pace)
        with self._changed:
            self._changed.wait_for(lambda: task.catalog_code not in self._held)
        return not task.cancelled.is_set()


def serial(task: Task, prefix: str, number: int) -> str:
    """A number of the office's own for what it grants."""
    return f"{prefix}-{task.case_number[31:39]}-{number:04d}"


def check_licence(task: Task, number: int) -> dict[str, Any]:
    """营业执照信息核验: the data agree with the register."""
    del number
    applicant: Any = task.form["applicant"]
    return {"matches": True, "uscc": applicant["uscc"]}


def food_licence(task: Task, number: int) -> dict[str, Any]:
    """食品经营许可."""
    return {"licence_number": serial(task, "JY", number)}


def outdoor_sign(task: Task, number: int) -> dict[str, Any]:
    """户外招牌设置许可."""
    return {"permit_number": serial(task, "HW", number)}


def fire_safety(task: Task, number: int) -> dict[str, Any]:
    """消防安全检查: below ground a gathering place needs a second way out, which the plans do not show."""
    premises: Any = task.form["premises"]
    if premises["floor"] < 0:
        raise Refuse(f"经营场所位于地下{-premises['floor']}层，未见独立的第二安全出口，不符合消防安全要求。")
    return {"certificate_number": serial(task, "XF", number)}


def deliver_results(task: Task, number: int) -> dict[str, Any]:
    """办理结果统一送达."""
    del task, number
    return {"delivery": "电子送达"}


def read_materials(task: Task) -> None:
    """Fetch what the applicant handed in; the platform may be away, then the task is tried again a little later."""
    for material in task.materials:
        try:
            content = task.content(material)
        except DuokuaError as error:
            if error.transient:
                raise Retry(f"材料 {material.name} 暂时无法读取", after=1) from error
            raise
        if hashlib.sha256(content).hexdigest() != material.sha256:
            raise Retry(f"材料 {material.name} 与摘要不符")


MATTERS: dict[str, Callable[[Task, int], dict[str, Any]]] = {
    "331031902000": check_licence,
    "330131903000": food_licence,
    "330133905000": outdoor_sign,
    "330132906000": fire_safety,
    "332031904000": deliver_results,
}


def register(department: Department, matter: str, ledger: Ledger, desks: Desks) -> None:
    """Have the department handle a matter, and undo it."""
    decide = MATTERS[matter]

    def act(task: Task, number: int) -> dict[str, Any]:
        try:
            return {"act": "handled", "result": decide(task, number)}
        except Refuse as refusal:
            return {"act": "refused", "result": {}, "reason": refusal.reason}

    @department.task(matter)
    def handle(task: Task) -> dict[str, Any]:
        task.accept()
        read_materials(task)
        if not desks.work_on(task):
            return {}
        entry = ledger.once(task, lambda number: act(task, number))
        if entry["act"] == "refused":
            raise Refuse(entry["reason"])
        result: dict[str, Any] = entry["result"]
        return result

    @handle.undo
    def undo(task: Task) -> dict[str, Any]:
        if not desks.work_on(task):
            return {}
        withdrawn = dict(task.handled_result)
        entry = ledger.once(task, lambda _: {"act": "undone", "result": {"withdrawn": withdrawn}})
        result: dict[str, Any] = entry["result"]
        return result


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, on this machine only, and notes whether each was signed with our secret."""

    # Closing waits for messages that come in just now; `Hook.timeout` bounds that.
    daemon_threads = False

    def __init__(self, journal: Journal) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.journal = journal
        self.secret = b""

    def signed(self, message_id: str, timestamp: str, signature: str, body: bytes) -> bool:
        """Whether a signature header has our signature of this message (Standard Webhooks, symmetric)."""
        if not _NUMBER.fullmatch(timestamp) or abs(time.time() - int(timestamp)) > _OLDEST_MESSAGE_SECONDS:
            return False
        signed = f"{message_id}.{timestamp}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(expected.encode(), each.encode()) for each in signature.split())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet of a sender that was cut off, which sends its message again."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Hook(BaseHTTPRequestHandler):
    """One request of a webhook."""

    server: Receiver
    timeout = 5
    """Seconds that a sender may be silent."""

    def do_POST(self) -> None:
        """Take a message: 204 when it is signed with our secret, 401 when it is not; half a message is none."""
        length = self.headers.get("content-length", "")
        body = self.rfile.read(int(length)) if _NUMBER.fullmatch(length) else b""
        if not body or len(body) < int(length):
            return
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message_id, timestamp, signature = (self.headers.get(name, "") for name in names)
        verified = self.server.signed(message_id, timestamp, signature, body)
        message = json.loads(body) if verified else None
        self.server.journal.write({"id": message_id, "verified": verified, "message": message})
        self.send_response(204 if verified else 401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: the journal tells more."""


def listen(department: Department, folder: Path) -> Callable[[], None]:
    """Open a webhook for all that concerns the office; returns what closes it again."""
    receiver = Receiver(Journal(folder / "webhooks.jsonl"))
    url = f"http://127.0.0.1:{receiver.server_port}/duokua"
    answer = department.platform.notify.RegisterWebhook(notify_service_pb2.RegisterWebhookRequest(url=url))
    receiver.secret = base64.b64decode(answer.secret.removeprefix("whsec_"))
    threading.Thread(target=receiver.serve_forever, name="webhook", daemon=True).start()

    def close() -> None:
        request = notify_service_pb2.RemoveWebhookRequest(webhook_id=answer.webhook.webhook_id)
        department.platform.notify.RemoveWebhook(request)
        receiver.shutdown()
        receiver.server_close()
        receiver.journal.close()

    return close


def obey(department: Department, desks: Desks, folder: Path) -> None:
    """Do what standard input says, until it ends; each line done is a line on standard output."""
    close: Callable[[], None] = sys.stdout.flush
    try:
        for line in sys.stdin:
            match line.split():
                case ["hold", matter]:
                    desks.hold(matter)
                case ["release", matter]:
                    desks.release(matter)
                case ["listen"]:
                    close = listen(department, folder)
                case ["close"]:
                    close()
            sys.stdout.write(line)
            sys.stdout.flush()
    finally:
        for matter in MATTERS:
            desks.release(matter)
        department.stop()


def main(folder: Path, pace: float, matters: list[str]) -> None:
    """Work until standard input ends."""
    department = Department.from_env(grace=2)
    desks = Desks(pace)
    ledger = Ledger(folder / "ledger.jsonl")
    for matter in matters:
        register(department, matter, ledger, desks)
    threading.Thread(target=obey, args=(department, desks, folder), name="manager", daemon=True).start()
    department.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
