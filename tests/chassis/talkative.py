"""A confined process that never comes to the end of its answer."""

from collections.abc import Mapping
from typing import Any

from chassis.confined.worker import Parent, serve


def _answer(asked: dict[str, Any], _: Parent) -> Mapping[str, object]:
    return {"said": "x" * asked["characters"]}


if __name__ == "__main__":
    serve(_answer, cpu_seconds=5, address_space=512 * 1024 * 1024)
