"""Many stub resolvers beside a test: each asks once over UDP, and again if nothing comes in time.

So it can be told how many queries were lost on the way, and how many were never answered.
"""

import select
import socket
import threading
import time
from dataclasses import dataclass, field

import dns.message

TURN = 0.002


@dataclass(slots=True)
class _Open:
    wire: bytes
    name: str
    begun: float
    due: float  # when it is sent again, or given up
    left: int  # times that it may be sent again


@dataclass
class StubLoad:
    """Asks `names` in turn, `rate` a second, from `source` at 127.0.0.1:`port`. A query is sent
    again after `patience` seconds, `tries` times in all.
    """

    port: int
    names: tuple[str, ...]
    source: str = "127.0.0.1"
    rate: float = 300.0
    patience: float = 3.0
    tries: int = 3
    asked: int = 0
    answered: int = 0
    resent: int = 0
    unanswered: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  # SERVFAIL
    seen: dict[str, set[str]] = field(default_factory=dict)  # name -> each answer there was
    slowest: float = 0.0  # seconds
    _open: dict[int, _Open] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(self.patience * self.tries + 10)
        assert not self._thread.is_alive()

    def _run(self):
        begun = time.monotonic()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            sock.bind((self.source, 0))
            sock.connect(("127.0.0.1", self.port))
            while not self._stop.is_set() or self._open:
                now = time.monotonic()
                if not self._stop.is_set() and self.asked < (now - begun) * self.rate:
                    self._ask(sock, now)
                self._again(sock, now)
                if select.select([sock], [], [], TURN)[0]:
                    self._hear(sock, time.monotonic())

    def _ask(self, sock, now):
        name = self.names[self.asked % len(self.names)]
        number = self.asked & 0xFFFF
        wire = dns.message.make_query(name, "A", id=number).to_wire()
        self.asked += 1
        self._open[number] = _Open(wire, name, now, now + self.patience, self.tries - 1)
        self._send(sock, wire)

    def _again(self, sock, now):
        for number, each in list(self._open.items()):
            if each.due > now:
                return  # in the order they were sent, and put behind when sent again
            del self._open[number]
            if not each.left:
                self.unanswered.append(each.name)
                continue
            each.left -= 1
            each.due = now + self.patience
            self.resent += 1
            self._open[number] = each
            self._send(sock, each.wire)

    def _hear(self, sock, now):
        try:
            message = dns.message.from_wire(sock.recv(4096))
        except OSError:
            return  # an ICMP error about an earlier one, which is asked again in time
        each = self._open.pop(message.id, None)
        if each is None:
            return
        self.answered += 1
        self.slowest = max(self.slowest, now - each.begun)
        if message.rcode() == 2:
            self.failed.append(each.name)
            return
        data = [r.to_text() for rrset in message.answer for r in rrset]
        self.seen.setdefault(each.name, set()).add(data[-1] if data else "")

    def _send(self, sock, wire):
        try:
            sock.send(wire)
        except OSError:
            return  # as above
