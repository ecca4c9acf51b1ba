"""A steady stream of questions beside a test, which remembers what was not answered."""

import socket
import threading
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
