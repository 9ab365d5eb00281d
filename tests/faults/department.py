"""An office's system, over the SDK alone: `python -m tests.faults.department CATALOG_CODE STEP LEDGER`.

The form's `marks` say at which steps it is to refuse, to fail once, or to be slow on both sides of its act.
"""

import sys
import time
from pathlib import Path

from duokua import Department, Refuse, Retry, Task
from tests.faults.ledger import Ledger
from tests.laws.evidence import Act

SLOW_SECONDS = 0.4
RETRY_SECONDS = 0.2


def main(catalog_code: str, step: str, ledger_file: str) -> None:
    """Work until killed."""
    department = Department.from_env(max_tasks=8, grace=5.0)
    ledger = Ledger(Path(ledger_file))

    @department.task(catalog_code)
    def handle(task: Task) -> dict[str, object]:
        slow = _marked(task, step, "slow")
        if slow:
            task.accept()
            time.sleep(SLOW_SECONDS)
        if task.attempt == 1 and _marked(task, step, "fail"):
            raise Retry("marked to fail once", after=RETRY_SECONDS)
        act = "refused" if _marked(task, step, "refuse") else "handled"
        done = ledger.enter(Act(task.task_id, task.case_id, act, "", {"number": f"{step}-{task.task_id[-20:]}"}))
        if slow:
            time.sleep(SLOW_SECONDS)
        if done.act == "refused":
            raise Refuse("marked to be refused")
        return done.result

    @handle.undo
    def undo(task: Task) -> None:
        if task.attempt == 1 and _marked(task, step, "fail"):
            raise Retry("marked to fail once", after=RETRY_SECONDS)
        ledger.enter(Act(task.task_id, task.case_id, "undone", task.handled_task_id, {}))
        if _marked(task, step, "slow"):
            time.sleep(SLOW_SECONDS)

    department.run()


def _marked(task: Task, step: str, mark: str) -> bool:
    marks = task.form["marks"]
    assert isinstance(marks, dict)
    return step in marks[mark]


if __name__ == "__main__":
    main(*sys.argv[1:])
