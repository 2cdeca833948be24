"""The way to the server's signal socket, to be cut."""

import asyncio


class Wire:
    """A TCP proxy to a port of this machine."""

    def __init__(self, to: int):
        self._to = to
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self):
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self._listener.close()
        self.cut()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    def cut(self):
        """Breaks every connection of now, without a word."""
        for end in self._ends:
            end.transport.abort()

    async def _accept(self, reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        ends = {writer, back}
        self._ends |= ends
        await asyncio.gather(copy(reader, back), copy(there, writer))
        self._ends -= ends


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    try:
        while data := await reader.read(4096):
            writer.write(data)
    except OSError:
        pass
    writer.close()
