"""A feed's server that pushes: files of a folder, and `/events` as the hub sends them.

Real HTTP over a real socket; what a test does to it is said by its fields.
"""

import asyncio
import base64
from contextlib import asynccontextmanager

from filterd.feed.canonical import canonical
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.segment import path_of

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event_of(folder, first, last):
    """Return the bytes of the event for the log in `folder`, with segments `first` to `last`."""
    files = [(folder / path_of(number)).read_bytes() for number in range(first, last)]
    value = {
        "checkpoint": (folder / CHECKPOINT).read_text(),
        "segments": [base64.b64encode(each).decode() for each in files],
    }
    return b"id: %d\nevent: checkpoint\ndata: %s\n\n" % (last, canonical(value))


class StreamServer:
    """Serves `folder`. `pushes` False: no `/events` at all."""

    def __init__(self, folder, *, pushes=True):
        self.folder, self.pushes = folder, pushes
        self.asked, self.last_ids, self._open = [], [], []
        self._ended = None
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def streams(self):
        return len(self._open)

    async def _answer(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ", 2)[1]
            self.asked.append(path)
            if path == "/events" and self.pushes:
                ids = (x for x in head.lower().split("\r\n") if x.startswith("last-event-id:"))
                self.last_ids.append(next(ids, "").partition(":")[2].strip())
                writer.write(HEAD)
                self._open.append(writer)
                await self._ended.wait()
                return
            file = self.folder / path[1:]
            body = file.read_bytes() if file.is_file() else b""
            status = b"200 OK" if file.is_file() else b"404 Not Found"
            writer.write(
                b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
                % (status, len(body), body)
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            """The other side went away."""
        finally:
            if writer in self._open:
                self._open.remove(writer)
            writer.close()

    async def say(self, data):
        """Send bytes to every stream."""
        for writer in tuple(self._open):
            writer.write(data)
            await writer.drain()

    def cut(self):
        """End every stream."""
        self._ended.set()
        self._ended = asyncio.Event()

    @asynccontextmanager
    async def running(self):
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.cut()
            server.close()
            await server.wait_closed()
            await asyncio.sleep(0)
