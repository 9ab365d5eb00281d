"""The bus: events between services, from the sender's outbox to the receiver's committed effect.

What a `worker.py` uses is named here and loaded on first use, because it brings nameko and eventlet into the process:
the rest of the bus (names, codec, brokers, relay, the handling of batches) runs without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chassis.bus.extensions import OutboxRelay, UseCases, background, subscribe

__all__ = ["OutboxRelay", "UseCases", "background", "subscribe"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("chassis.bus.extensions"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
