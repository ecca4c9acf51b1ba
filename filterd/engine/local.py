"""Answers of our own: the school's local records and the special names.

This is the slow path of a miss: the core caches what is said here like any other answer. Local
records know wildcards (RFC 4592: the closest enclosing name decides) and follow CNAME chains among
themselves; a chain that leaves them is an `Unfinished` answer, which needs its target resolved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnslib import CLASS, QTYPE, RR, SOA, DNSRecord
from dnslib.dns import DNSError
from dnslib.label import DNSBuffer, DNSLabel

from filterd.engine import special
from filterd.model.name import parents

CHAIN = 8  # links of a CNAME chain that are followed
CNAME = 5
ANY = 255
SPECIAL_TTL = 10_800  # RFC 2308 section 5: three hours at most for what never changes


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """One record: owner `name` (may start with "*."), `type` as text, `data`, `ttl` in seconds."""

    name: str
    type: str
    data: str
    ttl: int = 300


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A chain of local CNAME records whose end, `target`, is for upstream to answer."""

    target: str
    query: bytes  # the question for upstream
    asked: bytes
    chain: tuple[RR, ...]

    def finish(self, answer: bytes) -> bytes:
        """Return the whole reply from upstream's `answer` about the target. DNSError."""
        rest = DNSRecord.parse(answer)
        reply = DNSRecord.parse(self.asked).reply(ra=1, aa=0)
        reply.header.ad = 0
        reply.header.rcode = rest.header.rcode
        for rr in (*self.chain, *rest.rr):
            reply.add_answer(rr)
        for rr in rest.auth:
            reply.add_auth(rr)
        return bytes(reply.pack())


class LocalData:
    """Local records plus special names; immutable."""

    def __init__(self, records: Sequence[LocalRecord] = (), forwarded: Sequence[str] = ()) -> None:
        self._records: dict[str, list[RR]] = {}
        for record in records:
            zone_line = f"{record.name}. {record.ttl} IN {record.type} {record.data}"
            self._records.setdefault(record.name, []).extend(RR.fromZone(zone_line))
        owners = (name.removeprefix("*.") for name in self._records)
        # Names that exist only because others lie below them (RFC 4592 section 2.2.2).
        self._inner = frozenset(p for owner in owners for p in parents(owner)[1:])
        self._forwarded = frozenset(forwarded)

    def answer(self, name: str, qtype: int, query: bytes) -> bytes | Unfinished | None:
        """Return a reply to `query`, or None where the question is for upstream."""
        if self._records and (found := self._find(name)) is not None:
            answers, target = self._chain(name, qtype, found)
            if target is not None:
                question = DNSRecord.parse(query)
                question.q.qname = DNSLabel(target)
                return Unfinished(target, bytes(question.pack()), query, tuple(answers))
            return self._reply(query, answers, name)
        return self._special(name, qtype, query)

    def _find(self, name: str) -> list[RR] | None:
        """Return the records of `name`, or None where nothing of ours covers it.

        A name that merely has names below it is for upstream, so that one record for a printer
        does not hide the school's public site; under a wildcard it exists and is empty.
        """
        if name in self._records:
            return self._records[name]
        for parent in parents(name)[1:]:
            if (records := self._records.get(f"*.{parent}")) is not None:
                return [] if name in self._inner else records
            if parent in self._records or parent in self._inner:
                return None  # the closest encloser has no wildcard (RFC 4592 section 3.3.1)
        return None

    def _chain(self, name: str, qtype: int, found: list[RR]) -> tuple[list[RR], str | None]:
        """Return the records for a question, and the name that is left to resolve, if any."""
        answers: list[RR] = []
        owner, records = name, found
        for _ in range(CHAIN):
            here = [_owned(rr, owner) for rr in records if rr.rtype in (qtype, CNAME)]
            if qtype == ANY:
                here = [_owned(rr, owner) for rr in records]
            answers += here
            links = [rr for rr in here if rr.rtype == CNAME]
            if qtype == CNAME or not links:
                break
            owner = str(links[0].rdata.label).rstrip(".").lower()
            following = self._find(owner)
            if following is None:
                return answers, owner
            records = following
        return answers, None

    def _special(self, name: str, qtype: int, query: bytes) -> bytes | None:
        if name == "localhost" or name.endswith(".localhost"):
            address = special.LOCALHOST.get(qtype)
            lines = f"{name}. {SPECIAL_TTL} IN {QTYPE[qtype]} {address}" if address else None
            return self._reply(query, list(RR.fromZone(lines)) if lines else [], "localhost")
        for parent in parents(name):
            if parent in self._forwarded:
                return None
            rcode = special.ZONES.get(parent)
            if rcode is not None:
                return self._reply(query, [], parent, rcode)
        return None

    def _reply(self, query: bytes, answers: list[RR], zone: str, rcode: int = 0) -> bytes:
        request = DNSRecord.parse(query)
        reply = request.reply(ra=1, aa=0)
        reply.header.rcode = rcode
        reply.header.ad = 0  # nothing of ours is signed
        for rr in answers:
            reply.add_answer(rr)
        if not answers:
            times = (1, SPECIAL_TTL, 3600, 604_800, SPECIAL_TTL)
            soa = SOA("localhost.", "nobody.invalid.", times)
            reply.add_auth(RR(f"{zone}.", QTYPE.SOA, CLASS.IN, SPECIAL_TTL, soa))
        return bytes(reply.pack())


def _owned(rr: RR, owner: str) -> RR:
    """Return `rr` under the name that was asked, which a wildcard's owner is not."""
    return RR(f"{owner}.", rr.rtype, rr.rclass, rr.ttl, rr.rdata)


def check_records(records: Sequence[LocalRecord]) -> Mapping[int, str]:
    """Return what is wrong with each record that cannot be used, by its position."""
    problems: dict[int, str] = {}
    for position, record in enumerate(records):
        try:
            parsed = RR.fromZone(f"{record.name}. {record.ttl} IN {record.type} {record.data}")
            for rr in parsed:
                rr.rdata.pack(DNSBuffer())
        except (DNSError, ValueError, IndexError, KeyError, TypeError) as error:
            problems[position] = f"{record.name} {record.type} {record.data}: {error}"
    return problems
