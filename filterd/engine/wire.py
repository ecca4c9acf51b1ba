"""Replies of our own as bytes, around a question that is copied and never read as text.

A label may hold any octet (RFC 2181 section 11), and a name that has been text and back may be
another one. So what a client asked stays as it came; only names of our own are written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dnslib import RD, RR, DNSRecord
from dnslib.label import DNSBuffer, DNSLabel

HEADER = 12
_TO_QUESTION = b"\xc0\x0c"
_QR, _RD, _RA, _CD = 0x8000, 0x0100, 0x0080, 0x0010
_IN = 1


@dataclass(frozen=True, slots=True)
class Data:
    """A record without its owner; `ttl` in seconds. `target`: the name in a CNAME, as text."""

    rtype: int
    ttl: int
    rdata: bytes
    target: str | None = None


class _Plain(DNSBuffer):  # type: ignore[misc]  # dnslib has no types
    """Writes every name in full, so that the bytes may stand anywhere."""

    def encode_name(self, name: DNSLabel) -> None:
        self.encode_name_nocompress(name)


def data_of(record: RR) -> Data:
    """Return a parsed record as bytes. DNSError when it cannot be written."""
    target = str(record.rdata.label).rstrip(".").lower() if record.rtype == 5 else None
    return Data(record.rtype, record.ttl, rdata_of(record.rdata), target)


def rdata_of(rdata: RD) -> bytes:
    """Return record data as bytes. DNSError when it cannot be written."""
    buffer = _Plain()
    rdata.pack(buffer)
    return bytes(buffer.data)


def name_of(label: DNSLabel) -> bytes:
    """Return a name in wire form."""
    return b"".join(bytes([len(each)]) + each for each in label.label) + b"\0"


def resource(owner: bytes | None, data: Data) -> bytes:
    """Return a whole record; without an owner it belongs to the name that was asked."""
    return (
        (owner or _TO_QUESTION)
        + data.rtype.to_bytes(2, "big")
        + _IN.to_bytes(2, "big")
        + data.ttl.to_bytes(4, "big")
        + len(data.rdata).to_bytes(2, "big")
        + data.rdata
    )


def name_end(query: bytes) -> int:
    """Return where the name in the question of `query` ends. The core wrote it, uncompressed."""
    at = HEADER
    while query[at]:
        at += 1 + query[at]
    return at + 1


def reply(
    query: bytes, answers: Sequence[bytes], authority: Sequence[bytes] = (), rcode: int = 0
) -> bytes:
    """Return the reply to `query`: its question and these records; AA and AD are never set."""
    asked = int.from_bytes(query[2:4], "big") & (_RD | _CD)
    counts = (1, len(answers), len(authority), 0)
    return b"".join(
        (
            query[:2],
            (_QR | _RA | asked | rcode).to_bytes(2, "big"),
            *(count.to_bytes(2, "big") for count in counts),
            query[HEADER : name_end(query) + 4],
            *answers,
            *authority,
        )
    )


def question_about(query: bytes, target: DNSLabel) -> bytes:
    """Return `query` with another name."""
    return query[:HEADER] + name_of(target) + query[name_end(query) :]


def prefixed(query: bytes, chain: Iterable[bytes], answer: bytes) -> bytes:
    """Return the reply to `query`: `chain`, then the records of an upstream's `answer`.

    Whatever dnslib raises when it cannot read `answer`: it names no common base class.
    """
    rest = DNSRecord.parse(answer)
    records = [resource(name_of(rr.rname), data_of(rr)) for rr in rest.rr]
    authority = [resource(name_of(rr.rname), data_of(rr)) for rr in rest.auth]
    return reply(query, [*chain, *records], authority, rest.header.rcode)
