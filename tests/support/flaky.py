"""A link between two programs that cuts, delays and truncates what goes over it, until it is calm.

Which connection suffers what is a list, taken from the front and begun again at its end, so that
it does not depend on chance.
"""

import asyncio
import itertools
import threading
from contextlib import contextmanager

PIECE = 700  # bytes at a time, so that a cut is in the middle of something


class Link:
    """TCP from `port` to `target`. `faults`: (bytes up, bytes down, seconds before each piece)
    after which a connection is cut; None: never.
    """

    def __init__(self, target, faults):
        self.target, self._faults = target, itertools.cycle(faults)
        self.calm, self.cuts, self.connections = False, 0, 0
        self.port, self._open = 0, set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def take(self, reader, writer):
        self.connections += 1
        up, down, pause = (None, None, 0) if self.calm else next(self._faults)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {
            asyncio.create_task(self._pass(reader, back, up, pause)),
            asyncio.create_task(self._pass(there, writer, down, pause)),
        }
        self._open.add(asyncio.current_task())
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            writer.transport.abort()
            back.transport.abort()
            self._open.discard(asyncio.current_task())

    async def _pass(self, reader, writer, left, pause):
        while piece := await reader.read(PIECE):
            if left is not None and len(piece) >= left:
                writer.write(piece[:left])
                await writer.drain()
                self.cuts += 1
                return
            left = None if left is None else left - len(piece)
            await asyncio.sleep(pause)
            writer.write(piece)
            await writer.drain()

    async def serve(self, begun, stop):
        server = await asyncio.start_server(self.take, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        begun.set()
        await asyncio.to_thread(stop.wait)
        server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


@contextmanager
def link(target, *faults):
    """Run one from a free port to `target` until the block ends."""
    made, begun, stop = Link(target, faults), threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(made.serve(begun, stop)), daemon=True)
    thread.start()
    assert begun.wait(10)
    try:
        yield made
    finally:
        stop.set()
        thread.join(10)
