"""A department's system for benchmarks: answers every task at once with a result of 0.5 KB."""

import sys

from duokua import Department, Task

RESULT = {"number": "2026-0001", "text": "结" * 150}


def main(catalog_code: str) -> None:
    """Work until stopped."""
    department = Department.from_env(max_tasks=200)

    @department.task(catalog_code)
    async def handle(task: Task) -> dict[str, object]:
        return {"task": task.task_id, **RESULT}

    department.run()


if __name__ == "__main__":
    main(sys.argv[1])
