"""Just enough DNS to ask one question and to write queries for the load generator."""

import socket
import struct

from bench.places import LOOPBACK

A, AAAA = 1, 28
HEADER = struct.Struct(">HHHHHH")
RECURSION_DESIRED = 0x0100


def query(name: str, qtype: int = A, ident: int = 0) -> bytes:
    """Return a query without EDNS (RFC 1035 section 4.1)."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    head = HEADER.pack(ident, RECURSION_DESIRED, 1, 0, 0, 0)
    return head + labels + b"\0" + struct.pack(">HH", qtype, 1)


def ask(port: int, name: str, *, qtype: int = A, timeout: float = 0.5) -> str | None:
    """Return "blocked", "answered" or "other" for what `port` says; None for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect((LOOPBACK, port))
            sock.send(query(name, qtype, 7))
            return meaning(sock.recv(4096))
        except OSError:
            return None


def meaning(reply: bytes) -> str:
    """Return what an answer without EDNS and with one record, or none, says."""
    rcode, answers = reply[3] & 15, int.from_bytes(reply[6:8], "big")
    if rcode == 3:
        return "blocked"
    if rcode or not answers:
        return "other"
    at = 12
    while reply[at]:
        at += reply[at] + 1
    rdata = reply[at + 5 + 12 :]  # question's end, then a record with a compressed owner
    size = int.from_bytes(reply[at + 15 : at + 17], "big")
    return "answered" if any(rdata[:size]) else "blocked"
