"""Ports in a row, as the supervisor counts them up."""

import contextlib
import socket

from tests.servers.process import free_ports as any_free_ports


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody on the loopback uses at this moment."""
    while True:
        (first,) = any_free_ports(1)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
