"""Clients: real dig and kdig with their output read, and dnspython for single bytes."""

import re
import socket
import struct
import subprocess
from dataclasses import dataclass, field
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rdatatype

from tests.support.needs import program

_STATUS = re.compile(r"status: (\w+)")
_FLAGS = re.compile(r"[Ff]lags: ([a-z ]+);")
_EDE = re.compile(r"EDE: (\d+)(?: \([^)]*\))?:? ?(.*)")


@dataclass
class Dig:
    """What a run of dig printed."""

    text: str
    code: int
    status: str = ""
    flags: tuple[str, ...] = ()
    answers: list[tuple[str, int, str, str]] = field(default_factory=list)
    ede: int | None = None

    def data(self, kind: str = "A") -> list[str]:
        """Return the data of the answers of one type."""
        return [data for _, _, answer_kind, data in self.answers if answer_kind == kind]


def dig(port: int, *arguments: str, program: str = "dig", server: str = "127.0.0.1") -> Dig:
    """Run dig or kdig once; a server in `arguments` ("@::1") takes the place of `server`."""
    where = [] if any(word.startswith("@") for word in arguments) else [f"@{server}"]
    return run_dig([_path(program), "-p", str(port), *where, *arguments])


def run_dig(command: list[str]) -> Dig:
    """Run a whole dig command and read what it prints of the first answer."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    text = done.stdout + done.stderr
    status, flags, ede = _STATUS.search(text), _FLAGS.search(text), _EDE.search(text)
    return Dig(
        text,
        done.returncode,
        status[1] if status else "",
        tuple(flags[1].split()) if flags else (),
        _answers(text),
        int(ede[1]) if ede else None,
    )


def _path(name: str) -> str:
    return program("kdig", "knot-dnsutils") if name == "kdig" else program("dig", "bind9-dnsutils")


def _answers(text: str) -> list[tuple[str, int, str, str]]:
    found = []
    inside = False
    for line in text.splitlines():
        if line.startswith(";;"):
            inside = line.startswith(";; ANSWER SECTION")
        elif inside and line and not line.startswith(";"):
            name, ttl, _, kind, data = line.split(None, 4)
            found.append((name.rstrip("."), int(ttl), kind, data))
    return found


def query_of(name: str, kind: str = "A", *, edns: bool = True, **options: Any) -> Any:
    """Return a dnspython query with EDNS, so that the answer can say why."""
    return dns.message.make_query(name, kind, use_edns=0 if edns else None, **options)


def udp(
    name: str,
    kind: str,
    port: int,
    *,
    source: str | None = None,
    host: str = "127.0.0.1",
    timeout: float = 8.0,
    **options: Any,
) -> dns.message.Message:
    """Ask once over UDP."""
    return dns.query.udp(
        query_of(name, kind, **options), host, timeout=timeout, port=port, source=source
    )


def tcp(name: str, kind: str, port: int, host: str = "127.0.0.1") -> dns.message.Message:
    """Ask once over TCP."""
    return dns.query.tcp(query_of(name, kind), host, timeout=8.0, port=port)


def ede_of(message: dns.message.Message) -> int | None:
    """Return the first extended error's code."""
    codes = [int(o.code) for o in message.options if o.otype == dns.edns.OptionType.EDE]
    return codes[0] if codes else None


def ede_text(message: dns.message.Message) -> str | None:
    """Return the first extended error's text."""
    for option in message.options:
        if option.otype == dns.edns.OptionType.EDE:
            return option.text
    return None


def data_of(message: dns.message.Message, kind: str | None = None) -> list[str]:
    """Return the data of the answer section, of one type or of all."""
    return [
        rdata.to_text()
        for rrset in message.answer
        if kind is None or rrset.rdtype == dns.rdatatype.from_text(kind)
        for rdata in rrset
    ]


def framed(message: bytes) -> bytes:
    """Return `message` with its length in front."""
    return struct.pack("!H", len(message)) + message


def read_framed(sock: socket.socket, buffer: bytearray) -> bytes:
    """Return the next message of a stream; EOFError at its end."""
    while len(buffer) < 2 or len(buffer) < 2 + int.from_bytes(buffer[:2], "big"):
        data = sock.recv(65536)
        if not data:
            raise EOFError
        buffer += data
    end = 2 + int.from_bytes(buffer[:2], "big")
    message = bytes(buffer[2:end])
    del buffer[:end]
    return message
