"""The SDK of Duokua: typed stubs, a client with tokens, and the department worker.

The names below are imported when they are first used: whoever needs only the messages (`duokua.cases.v1.events_pb2`)
does not load gRPC.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duokua.client import Platform
    from duokua.data import from_struct, to_struct
    from duokua.department import Department
    from duokua.errors import DuokuaError
    from duokua.keys import ClientKey
    from duokua.task import LeaseLost, PassUp, Refuse, RequestCorrection, Retry, Return, Suspend, Task

__all__ = [
    "ClientKey",
    "Department",
    "DuokuaError",
    "LeaseLost",
    "PassUp",
    "Platform",
    "Refuse",
    "RequestCorrection",
    "Retry",
    "Return",
    "Suspend",
    "Task",
    "from_struct",
    "to_struct",
]

_HOMES = {
    "ClientKey": "duokua.keys",
    "Department": "duokua.department",
    "DuokuaError": "duokua.errors",
    "LeaseLost": "duokua.task",
    "PassUp": "duokua.task",
    "Platform": "duokua.client",
    "Refuse": "duokua.task",
    "RequestCorrection": "duokua.task",
    "Retry": "duokua.task",
    "Return": "duokua.task",
    "Suspend": "duokua.task",
    "Task": "duokua.task",
    "from_struct": "duokua.data",
    "to_struct": "duokua.data",
}


def __getattr__(name: str) -> object:
    """Import one of the SDK's names on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'duokua' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
