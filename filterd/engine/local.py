"""Answers of our own: the school's local records and the special names.

This is the slow path of a miss: the core caches what is said here like any other answer. Local
records know wildcards (RFC 4592: the closest enclosing name decides) and follow CNAME chains among
themselves; a chain that leaves them is an `Unfinished` answer, which needs its target resolved.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from dnslib import QTYPE, RR, SOA
from dnslib.dns import DNSError
from dnslib.label import DNSBuffer, DNSLabel

from filterd.engine import special, wire
from filterd.model.name import parents

logger = logging.getLogger(__name__)

CHAIN = 8  # links of a CNAME chain that are followed
CNAME = 5
ANY = 255
SPECIAL_TTL = 10_800  # RFC 2308 section 5: three hours at most for what never changes
_SOA = SOA("localhost.", "nobody.invalid.", (1, SPECIAL_TTL, 3600, 604_800, SPECIAL_TTL))
_EMPTY = wire.Data(QTYPE.SOA, SPECIAL_TTL, wire.rdata_of(_SOA))


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
    chain: tuple[bytes, ...]

    def finish(self, answer: bytes) -> bytes:
        """Return the whole reply from upstream's `answer` about the target.

        Raises whatever reading `answer` raises; see `wire.prefixed`.
        """
        return wire.prefixed(self.asked, self.chain, answer)


class LocalData:
    """Local records plus special names; immutable."""

    def __init__(self, records: Sequence[LocalRecord] = (), forwarded: Sequence[str] = ()) -> None:
        self._records: dict[str, list[wire.Data]] = {}
        for record in records:
            parsed = RR.fromZone(f"{record.name}. {record.ttl} IN {record.type} {record.data}")
            self._records.setdefault(record.name, []).extend(map(wire.data_of, parsed))
        owners = (name.removeprefix("*.") for name in self._records)
        # Names that exist only because others lie below them (RFC 4592 section 2.2.2).
        self._inner = frozenset(p for owner in owners for p in parents(owner)[1:])
        self._forwarded = frozenset(forwarded)

    def answer(self, name: str, qtype: int, query: bytes) -> bytes | Unfinished | None:
        """Return a reply to `query`, or None where the question is for upstream."""
        if self._records and (found := self._find(name)) is not None:
            answers, target = self._chain(qtype, found)
            if target is not None:
                question = wire.question_about(query, DNSLabel(target))
                return Unfinished(target, question, query, tuple(answers))
            return _reply(query, answers)
        return self._special(name, qtype, query)

    def _find(self, name: str) -> list[wire.Data] | None:
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

    def _chain(self, qtype: int, found: list[wire.Data]) -> tuple[list[bytes], str | None]:
        """Return the records for a question, and the name that is left to resolve, if any."""
        answers: list[bytes] = []
        owner: bytes | None = None  # the name that was asked
        records = found
        for _ in range(CHAIN):
            here = [data for data in records if qtype == ANY or data.rtype in (qtype, CNAME)]
            answers += (wire.resource(owner, data) for data in here)
            target = next((data.target for data in here if data.target is not None), None)
            if qtype == CNAME or target is None:
                break
            following = self._find(target)
            if following is None:
                return answers, target
            owner = wire.name_of(DNSLabel(target))
            records = following
        return answers, None

    def _special(self, name: str, qtype: int, query: bytes) -> bytes | None:
        if name == "localhost" or name.endswith(".localhost"):
            address = special.LOCALHOST.get(qtype)
            return _reply(query, [] if address is None else [_address(qtype, address)], "localhost")
        for parent in parents(name):
            if parent in self._forwarded:
                return None
            rcode = special.ZONES.get(parent)
            if rcode is not None:
                return _reply(query, [], parent, rcode)
        return None


def _address(qtype: int, address: str) -> bytes:
    return wire.resource(None, wire.Data(qtype, SPECIAL_TTL, ip_address(address).packed))


def _reply(query: bytes, answers: list[bytes], zone: str | None = None, rcode: int = 0) -> bytes:
    """Return a reply; an empty one has an SOA of `zone`, of the name itself without one."""
    if answers:
        return wire.reply(query, answers, (), rcode)
    owner = None if zone is None else wire.name_of(DNSLabel(zone))
    return wire.reply(query, (), [wire.resource(owner, _EMPTY)], rcode)


def check_records(records: Sequence[LocalRecord]) -> Mapping[int, str]:
    """Return what is wrong with each record that cannot be used, by its position."""
    problems: dict[int, str] = {}
    for position, record in enumerate(records):
        try:
            parsed = RR.fromZone(f"{record.name}. {record.ttl} IN {record.type} {record.data}")
            for rr in parsed:
                rr.rdata.pack(DNSBuffer())
        except (DNSError, ValueError, LookupError, TypeError, AttributeError) as error:
            # The parser's own words are about its insides; what to do about it is the same.
            logger.debug("record %d: %s", position, error)
            problems[position] = (
                f"{record.data[:60]!r} does not fit type {record.type} of {record.name}; "
                "write the data as a zone file does"
            )
    return problems
