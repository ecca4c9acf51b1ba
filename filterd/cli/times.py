"""Times as people write them on a command line, and types of DNS records."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dnslib import QTYPE
from dnslib.dns import DNSError

from filterd.model.errors import FilterdError

ZONE = "Asia/Ho_Chi_Minh"  # of what the ministry's commands show
LATEST = 32_503_680_000  # the year 3000
LONGEST = 36_500 * 86_400  # seconds of a length of time: a century
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class UnreadableError(FilterdError):
    """A word on the command line or in an input line that means nothing."""


def moment(text: str, zone: str) -> float:
    """Return unix seconds for an ISO 8601 time (without offset: the school's) or unix seconds.

    Raises:
        UnreadableError: anything else.
    """
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if not 0 <= seconds <= LATEST:  # not a number fails this too
            raise UnreadableError(f"not a time: {text!r}; unix seconds lie in 0..{LATEST}")
        return seconds
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=ZoneInfo(zone))
        seconds = when.timestamp()
    except (ValueError, OverflowError):
        raise UnreadableError(f"not a time: {text!r}; write 2026-09-07T08:30") from None
    if not 0 <= seconds <= LATEST:
        raise UnreadableError(f"not a time that schedules reach: {text!r}; 1970 to 2999")
    return seconds


def span(text: str) -> timedelta:
    """Return the length of "30s", "45m", "2h" or "1d". UnreadableError: anything else, or more
    than a century.
    """
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit()) or unit not in _UNITS or int(number) == 0:
        raise UnreadableError(f"not a length of time: {text[:40]!r}; write 45m, 2h or 1d")
    seconds = int(number) * _UNITS[unit]
    if seconds > LONGEST:
        raise UnreadableError(f"{text[:40]} is too long: {LONGEST // 86_400:,}d at most")
    return timedelta(seconds=seconds)


def qtype_number(value: str | int) -> int:
    """Return the number of a record type by name ("AAAA", "TYPE65") or number. UnreadableError."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535:
        return value
    text = str(value).upper()
    digits = text.removeprefix("TYPE")
    if digits.isdigit() and int(digits) <= 65535:
        return int(digits)
    try:
        return int(getattr(QTYPE, text))
    except (AttributeError, DNSError):
        raise UnreadableError(f"not a record type: {value!r}; write A, AAAA, HTTPS …") from None


def qtype_name(number: int) -> str:
    """Return the name of a record type, "TYPE123" for one without."""
    name = QTYPE.get(number, f"TYPE{number}")
    return str(name)


def clock_text(at: float, zone: str) -> str:
    """Return a moment on the school's clocks."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
