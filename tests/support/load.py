"""A steady stream of questions beside a test, which remembers what was not answered."""

import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

import dns.message

ANSWER_SECONDS = 3.0


@dataclass
class Load:
    """Asks `names` in turn over UDP until it is stopped; `wrong` holds what did not fit."""

    port: int
    names: tuple[str, ...]
    source: str = "127.0.0.1"
    asked: int = 0
    answered: int = 0
    seen: dict[str, set[str]] = field(default_factory=dict)  # name -> each answer there was
    wrong: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(ANSWER_SECONDS * 2)

    def _run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((self.source, 0))
            sock.connect(("127.0.0.1", self.port))
            sock.settimeout(ANSWER_SECONDS)
            while not self._stop.wait(0.002):
                name = self.names[self.asked % len(self.names)]
                self._one(sock, name)

    def _one(self, sock, name):
        query = dns.message.make_query(name, "A", id=self.asked & 0xFFFF)
        self.asked += 1
        try:
            sock.send(query.to_wire())
            answer = dns.message.from_wire(sock.recv(4096))
        except OSError as error:
            self.wrong.append(f"{name}: {error}")
            return
        if answer.id != query.id or answer.rcode() == 2:
            self.wrong.append(f"{name}: {answer.rcode()}")
            return
        self.answered += 1
        data = [r.to_text() for rrset in answer.answer for r in rrset]
        self.seen.setdefault(name, set()).add(data[-1] if data else "")


@dataclass
class Steady:
    """Asks `names` in turn over UDP, `rate` times a second whether or not answers come, as many
    clients do; what has no answer `patience` seconds after the last question is in `lost`.
    """

    port: int
    names: tuple[str, ...]
    rate: float = 200.0
    patience: float = 30.0
    clients: int = 64  # sockets: what comes at once after a gap has room in all of them
    host: str = "127.0.0.1"
    asked: int = 0
    seen: dict[str, set[str]] = field(default_factory=dict)  # name -> each answer there was
    lost: set[int] = field(default_factory=set)  # numbers of questions, below 2^16
    longest: float = 0.0  # seconds that an answer took
    _sent: dict[int, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._socks = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(self.clients)]
        for each in self._socks:
            each.connect((self.host, self.port))
            each.setblocking(False)
        self._threads = [threading.Thread(target=each) for each in (self._ask, self._hear)]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for each in self._threads:
            each.join()
        for each in self._socks:
            each.close()
        self.lost = set(self._sent)

    def _ask(self):
        while not self._stop.wait(1 / self.rate):
            query = dns.message.make_query(self.names[self.asked % len(self.names)], "A")
            query.id = self.asked
            self._sent[self.asked] = time.monotonic()
            with suppress(ConnectionRefusedError):  # it stays lost
                self._socks[self.asked % self.clients].send(query.to_wire())
            self.asked += 1

    def _hear(self):
        quiet = time.monotonic()
        while not self._stop.is_set() or (self._sent and time.monotonic() < quiet + self.patience):
            for sock in select.select(self._socks, (), (), 0.2)[0]:
                with suppress(ConnectionRefusedError):
                    self._take(dns.message.from_wire(sock.recv(4096)))
                    quiet = time.monotonic()

    def _take(self, answer):
        if answer.rcode() == 2:
            return  # SERVFAIL is no answer
        now = time.monotonic()
        self.longest = max(self.longest, now - self._sent.pop(answer.id, now))
        data = [r.to_text() for rrset in answer.answer for r in rrset]
        name = answer.question[0].name.to_text(omit_final_dot=True)
        self.seen.setdefault(name, set()).add(data[-1] if data else "")
