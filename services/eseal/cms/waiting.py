"""Running pyHanko's coroutines without an event loop, which must not be started under eventlet.

With nothing to fetch there is nothing to wait for, and running such a coroutine is just a call.
"""

from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def at_once(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """What a coroutine that never waits gives; RuntimeError if it ever wants to wait."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: _Result = finished.value
        return result
    coroutine.close()
    raise RuntimeError("there is nothing to wait for here, and something wanted to")
