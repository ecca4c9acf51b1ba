"""Record data of rewrites: checked against its type, kept as presentation text.

Used by `$dnsrewrite` and by RPZ local data. Names in the data are normalised, without trailing
dot; "." stays "." where a type gives it a meaning (SRV, SVCB, null MX).
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address

from filterd.formats.names import read_name
from filterd.formats.refusals import Code, Refused
from filterd.formats.rrtypes import AAAA, HTTPS, MX, NS, PTR, SRV, SVCB, TXT, A
from filterd.model.rule import Record


def read_record(rtype: int, fields: Sequence[str]) -> Record:
    """Return the record of type `rtype` whose data is `fields`, split at blanks, quotes removed.

    Raises:
        Refused: the data does not fit the type, or rewrites of this type are not supported.
    """
    checks = _CHECKS.get(rtype)
    if checks is None:
        raise Refused(Code.BAD_RECORD, f"record type {rtype} is not supported in rewrites")
    count, check = checks
    if len(fields) < count or (len(fields) > count and rtype not in _OPEN_ENDED):
        raise Refused(Code.BAD_RECORD, f"expected {count} field(s) of data, found {len(fields)}")
    return Record(rtype, check(fields))


def _ipv4(fields: Sequence[str]) -> str:
    try:
        return str(IPv4Address(fields[0]))
    except ValueError as error:
        raise Refused(Code.BAD_RECORD, f"not an IPv4 address: {fields[0][:80]!r}") from error


def _ipv6(fields: Sequence[str]) -> str:
    try:
        return str(IPv6Address(fields[0].partition("%")[0]))
    except ValueError as error:
        raise Refused(Code.BAD_RECORD, f"not an IPv6 address: {fields[0][:80]!r}") from error


def _target(text: str) -> str:
    return "." if text == "." else read_name(text)


def _name(fields: Sequence[str]) -> str:
    return read_name(fields[0])


def _u16(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 0xFFFF):
        raise Refused(Code.BAD_RECORD, f"not a number from 0 to 65535: {text[:80]!r}")
    return str(int(text))


def _mx(fields: Sequence[str]) -> str:
    return f"{_u16(fields[0])} {_target(fields[1])}"


def _srv(fields: Sequence[str]) -> str:
    return " ".join((*(_u16(field) for field in fields[:3]), _target(fields[3])))


def _svcb(fields: Sequence[str]) -> str:
    keys = [field.partition("=")[0] for field in fields[2:]]
    if len(set(keys)) != len(keys) or not all(keys):
        raise Refused(Code.BAD_RECORD, "a service parameter without a key, or twice")
    return " ".join((_u16(fields[0]), _target(fields[1]), *fields[2:]))


def _txt(fields: Sequence[str]) -> str:
    return " ".join(_quoted(field) for field in fields)


def _quoted(text: str) -> str:
    if len(text.encode()) > 255:
        raise Refused(Code.BAD_RECORD, "a TXT string holds at most 255 octets")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_CHECKS: dict[int, tuple[int, Callable[[Sequence[str]], str]]] = {
    A: (1, _ipv4),
    AAAA: (1, _ipv6),
    NS: (1, _name),
    PTR: (1, _name),
    MX: (2, _mx),
    TXT: (1, _txt),
    SRV: (4, _srv),
    SVCB: (2, _svcb),
    HTTPS: (2, _svcb),
}
_OPEN_ENDED = frozenset({TXT, SVCB, HTTPS})
