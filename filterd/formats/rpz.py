"""Response policy zones (draft-vixie-dnsop-dns-rpz): QNAME, wildcard, rpz-ip and rpz-client-ip
triggers with all their actions.

Local data of one owner stands together and makes one rule, which comes out when local data of
another owner begins or the file ends. SOA and NS records are the zone's own and mean
nothing here. NSIP and NSDNAME are refused: a forwarder does not see name servers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from filterd.formats.base import Item, Options, Shape
from filterd.formats.lines import explain, share, tidy
from filterd.formats.names import normalise, read_name
from filterd.formats.own_target import spare_target
from filterd.formats.records import read_record
from filterd.formats.refusals import Code, Refused
from filterd.formats.rpz_names import read_trigger
from filterd.formats.rpz_zone import ZoneReader, ZoneRecord, absolute
from filterd.formats.rrtypes import HTTPS as HTTPS_TYPE
from filterd.formats.rrtypes import MX, NS, PTR, SRV, SVCB, type_number
from filterd.model.rule import (
    NO_CONDITION,
    Action,
    NamePattern,
    NetworkPattern,
    Record,
    Rewrite,
    Rule,
    Scope,
    Trigger,
)

_ACTIONS = {
    ".": Action.NXDOMAIN,
    "*.": Action.NODATA,
    "rpz-passthru.": Action.ALLOW,
    "rpz-drop.": Action.DROP,
    "rpz-tcp-only.": Action.TCP_ONLY,
}
_BLANKS = (b" CNAME ", b"\tCNAME\t", b" IN CNAME ", b"\tIN\tCNAME\t")
_HEAD = 4096  # bytes in which the SOA record stands
_SOA_IN_PARENTHESES = re.compile(rb"(?im)^\S*[^\n;()]*\bSOA\b[^\n;()]*\([^()]*\)[^\n()]*$")
_BOUND = re.compile(rb"(?im)^[^;\n]*(?:\$ORIGIN|[()]|\.rpz-(?:ip|client-ip|nsip|nsdname)\b)")
_OWNER_LEFT_OUT = re.compile(rb"(?m)^[ \t]+(?!NS\b|IN[ \t]+NS\b|;|\r?$)\S")
_BOUND_MARKS = (b"$", b"(", b")", b"pz-", b"PZ-")
_TARGET_FIELD = {NS: 0, PTR: 0, MX: 1, SRV: 3, SVCB: 1, HTTPS_TYPE: 1}
_LIKE = re.compile(
    r"(?:\S+\s+)?(?:[0-9]\w*\s+)?(?:IN\s+)?(?:CNAME|SOA|NS)\s+\S+|\$(?:TTL|ORIGIN)\s", re.IGNORECASE
)


class Rpz:
    """The rpz format."""

    name = "rpz"
    title = "response policy zone (RPZ) as a master file"
    comments: tuple[bytes, ...] = (b";",)

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return the shapes of one name and one action, where a line can be read by itself.

        It cannot where the origin changes, records span lines, owners are left out (then the line
        before matters), or a relative name may be an address trigger.
        """
        del options
        cut = data.find(b"\n", _HEAD) + 1 or len(data)
        head = _SOA_IN_PARENTHESES.sub(b"", data[:cut])
        if _binds_lines(head) or _binds_lines(data[cut:]):
            return ()
        return tuple(
            Shape(prefix, blank + target.encode(), scope, action)
            for target, action in _ACTIONS.items()
            for blank in _BLANKS
            for prefix, scope in ((b"", Scope.EXACT), (b"*.", Scope.BELOW))
        )

    def reader(self, options: Options) -> "RpzReader":
        """Return a reader for a new zone; raises InvalidName for an `options.zone` that is none."""
        zone = normalise(options.zone) if options.zone else None
        return RpzReader(options, ZoneReader(zone), zone)

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of lines that are records of such a zone."""
        return share(sample, lambda text: _LIKE.match(text) is not None)


def _binds_lines(part: bytes) -> bool:
    """Say whether a line in `part` may mean something else by itself; plain searches come first."""
    if any(mark in part for mark in _BOUND_MARKS) and _BOUND.search(part):
        return True
    indented = part[:1] in {b" ", b"\t"} or b"\n " in part or b"\n\t" in part
    return indented and _OWNER_LEFT_OUT.search(part) is not None


def _check_can_answer(pattern: NamePattern | NetworkPattern, action: Action) -> None:
    """Raise Refused for data in the place of an answer whose addresses alone matched."""
    on_answer = isinstance(pattern, NetworkPattern) and pattern.trigger is Trigger.ANSWER
    if on_answer and action is Action.REWRITE:
        words = "rpz-ip can block, drop, cut off or pass; data of its own is not supported"
        raise Refused(Code.UNSUPPORTED_ACTION, words)


@dataclass(slots=True)
class _LocalData:
    """The local data of one owner, collected."""

    pattern: NamePattern | NetworkPattern
    line: int
    text: str
    records: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class RpzReader:
    """Reads one zone."""

    options: Options
    lines: ZoneReader
    zone: str | None  # the zone's own name where known
    data: _LocalData | None = None

    def read(self, line: int, text: str) -> Sequence[Item]:
        """Return what became complete with this line."""
        try:
            text = tidy(text)
        except Refused as refused:
            return (explain(line, text, refused),)
        try:
            record = self.lines.feed(line, text)
            return () if record is None else self._take(record)
        except Refused as refused:
            return (explain(*self.lines.place, refused),)

    def finish(self) -> Sequence[Item]:
        """Return the last owner's local data, and a refusal for an open parenthesis."""
        items: list[Item] = [*self._flush()]
        try:
            self.lines.finish()
        except Refused as refused:
            items.append(explain(*self.lines.place, refused))
        return items

    def _take(self, record: ZoneRecord) -> Sequence[Item]:
        if record.rtype == "SOA" and self.zone is None:
            self._learn_zone(record)
        if record.rtype in {"SOA", "NS", "RRSIG", "NSEC", "NSEC3", "DNSKEY", "NSEC3PARAM"}:
            return ()
        pattern = read_trigger(self._relative(record), self.options)
        if record.rtype == "CNAME":
            return (self._cname(record, pattern),)
        rtype = type_number(record.rtype)
        if rtype is None:
            raise Refused(Code.BAD_RECORD, f"unknown record type {record.rtype[:40]!r}")
        _check_can_answer(pattern, Action.REWRITE)
        data = read_record(rtype, self._complete(record, rtype))
        if self.data is not None and self.data.pattern == pattern:
            self.data.records.append(data)
            return ()
        items = self._flush()
        self.data = _LocalData(pattern, record.line, record.text, [data])
        return items

    def _learn_zone(self, record: ZoneRecord) -> None:
        apex = absolute(record.owner, record.origin)
        if apex:
            self.zone = apex.lower()
            self.lines.origin = self.lines.origin or self.zone

    def _relative(self, record: ZoneRecord) -> str:
        """Return the owner without the zone's name.

        Raises:
            Refused: the owner lies outside the zone, or the zone's name is not known.
        """
        if record.origin is None and not record.owner.endswith("."):
            if record.owner == "@":
                raise Refused(Code.UNSUPPORTED_TRIGGER, "the zone itself is no trigger")
            return record.owner
        if self.zone is None:
            # `$ORIGIN rpz.example.` before the SOA, or no SOA at all.
            if record.origin is None:
                raise Refused(Code.BAD_NAME, "an absolute name; set zone: to the zone's own name")
            self.zone = record.origin
        owner = absolute(record.owner, record.origin)
        name = owner.lower()
        if name == self.zone:
            raise Refused(Code.UNSUPPORTED_TRIGGER, "the zone itself is no trigger")
        if not name.endswith(f".{self.zone}"):
            raise Refused(Code.BAD_NAME, f"outside the zone {self.zone!r}")
        return owner[: -len(self.zone) - 1]

    def _cname(self, record: ZoneRecord, pattern: NamePattern | NetworkPattern) -> Rule:
        if len(record.fields) != 1:
            raise Refused(Code.BAD_RECORD, "a CNAME has one target")
        target = record.fields[0].lower()
        action = _ACTIONS.get(target)
        rewrite = None
        if action is None:
            name = absolute(target, record.origin)
            if target.startswith("*."):
                raise Refused(Code.UNSUPPORTED_ACTION, "a rewrite that keeps the name in front")
            if name.rpartition(".")[2].startswith("rpz-"):
                raise Refused(Code.UNSUPPORTED_ACTION, f"unknown action {target[:60]!r}")
            action, rewrite = self._rewrite(read_name(name), pattern)
            _check_can_answer(pattern, action)
        return Rule(
            pattern,
            action,
            condition=spare_target(pattern, NO_CONDITION, rewrite),
            rewrite=rewrite,
            line=record.line,
            text=record.text,
        )

    def _rewrite(
        self, target: str, pattern: NamePattern | NetworkPattern
    ) -> tuple[Action, Rewrite | None]:
        # A CNAME to itself is how passthru was written before it had a name.
        if isinstance(pattern, NamePattern) and pattern.name == target:
            return Action.ALLOW, None
        return Action.REWRITE, Rewrite(cname=target)

    def _complete(self, record: ZoneRecord, rtype: int) -> Sequence[str]:
        """Return the data with the name in it made absolute."""
        place = _TARGET_FIELD.get(rtype)
        if place is None or place >= len(record.fields) or record.fields[place] == ".":
            return record.fields
        fields = list(record.fields)
        fields[place] = absolute(fields[place], record.origin)
        return fields

    def _flush(self) -> tuple[Item, ...]:
        data, self.data = self.data, None
        if data is None:
            return ()
        rewrite = Rewrite(records=tuple(data.records))
        return (
            Rule(data.pattern, Action.REWRITE, rewrite=rewrite, line=data.line, text=data.text),
        )
