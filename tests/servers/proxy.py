"""A TCP proxy in front of a server, whose connections a test cuts, or leaves hanging half-open."""

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Self

_PIECE = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own on the loopback and hands everything on to the server's port, until closed."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self.port: int = self._listening.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    def hang(self) -> None:
        """Hand nothing on: connections stay, new ones are taken, and nobody hears anything, until `flow` or `cut`."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """Hand on again, and first what was held back."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def cut(self) -> int:
        """Reset all connections on both sides, and lose what was under way; the answer is how many they were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result()

    def close(self) -> None:
        """Cut everything and listen no more."""
        if self._thread.is_alive():
            self.cut()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._listening.close()

    def _run(self) -> None:
        accepting = self._loop.create_task(self._accept())
        self._loop.run_forever()
        accepting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(accepting)
        self._loop.close()

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listening)
            connection = self._loop.create_task(self._connect(client))
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)

    async def _cut(self) -> int:
        cut = tuple(self._connections)
        for connection in cut:
            connection.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        return len(cut)

    async def _connect(self, client: socket.socket) -> None:
        with client, socket.socket() as server:
            for each in (client, server):
                each.setblocking(False)  # noqa: FBT003 - the standard library's signature
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await self._flowing.wait()
                await self._loop.sock_connect(server, ("127.0.0.1", self._server_port))
                ways = [self._loop.create_task(self._hand_on(*way)) for way in ((client, server), (server, client))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
            except asyncio.CancelledError:
                for each in (client, server):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            except OSError:
                pass  # the server is down, and the client hears of it by the end of its connection

    async def _hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := await self._loop.sock_recv(source, _PIECE):
                await self._flowing.wait()
                await self._loop.sock_sendall(sink, piece)
