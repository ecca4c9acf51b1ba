"""A desk's questions through the UDP threads: real sockets, threads of the core, the real clock."""

import asyncio
import json
import socket
import time
from contextlib import closing
from typing import Any

import dns.message

from filterd.core import Snapshot
from filterd.dns.udp import udp_socket
from filterd.model.clock import Clock
from filterd.model.event import Event
from tests.support.desk import Desk

SECONDS = 10.0


class MovedPlan:
    """Stands in for `Snapshot` where rulings are made: a plan for the desk's moment holds now.

    The threads read the machine's clock, and nobody can set that for them.
    """

    def __init__(self) -> None:
        self.moment = 0.0

    def __call__(self, indexes: Any, plan: str, generation: int) -> Snapshot:
        said = json.loads(plan)
        ahead = int(time.time() - self.moment)
        for group in said["groups"]:
            for segment in group["segments"]:
                if segment["from"] > 0:
                    segment["from"] += ahead
        return Snapshot(indexes, json.dumps(said), generation)


class ThreadsAt:
    """Two threads on one address of loopback in front of a desk's engine."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # Answers of upstreams are completed by the same clocks as the threads'.
        desk.engine._clock = Clock(time.time, time.monotonic)
        first = udp_socket("127.0.0.1", 0)
        self.port = first.getsockname()[1]

        async def opened() -> None:
            with closing(first):
                desk.engine.open_doors([first, first], [])

        desk.loop.run_until_complete(opened())

    def ask(
        self, name: str, kind: str, client: str, *, silent: bool = False
    ) -> tuple[dns.message.Message | None, Event]:
        """Ask from the address `client`; the reply and what was recorded. `silent`: wait for no
        reply but for the record, and look whether there was a reply after all.
        """
        query = dns.message.make_query(name, kind, use_edns=0)

        async def exchange() -> tuple[bytes | None, Event]:
            loop = asyncio.get_running_loop()
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.bind((client, 0))
                sock.connect(("127.0.0.1", self.port))
                sock.send(query.to_wire())
                async with asyncio.timeout(SECONDS):
                    reply = None if silent else await loop.sock_recv(sock, 4096)
                    while not (events := self._desk.events()):
                        await asyncio.sleep(0.02)
                if silent:
                    try:
                        reply = sock.recv(4096)
                    except BlockingIOError:
                        reply = None
            (event,) = events
            return reply, event

        reply, event = self._desk.loop.run_until_complete(exchange())
        return None if reply is None else dns.message.from_wire(reply), event
