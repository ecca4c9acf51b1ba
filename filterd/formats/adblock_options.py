r"""What stands behind the `$` of an AdGuard DNS rule.

Modifiers are divided by commas, their values by `|`; a backslash takes the next character as it
is, and a value may be quoted, so `client='Frank\'s laptop'|192.0.2.0/24` is two clients. Any
modifier not in `_READERS` refuses the whole rule: a rule is never applied without its modifier.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from filterd.formats.dnsrewrite import read_rewrite
from filterd.formats.names import read_name
from filterd.formats.refusals import Code, Refused
from filterd.formats.rrtypes import type_number
from filterd.model.rule import NO_CONDITION, Condition, Rewrite

_TAG = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(slots=True)
class Modifiers:
    """The modifiers of one rule, collected."""

    important: bool = False
    badfilter: bool = False
    rewrite: Rewrite | None = None
    rewrite_is_empty: bool = False  # `$dnsrewrite` without a value
    condition: Condition = NO_CONDITION


@dataclass(frozen=True, slots=True)
class _Value:
    """One of several values: its text without escapes, and whether `~` stood before it."""

    text: str
    negated: bool


def read_modifiers(text: str) -> Modifiers:
    """Return the modifiers in `text`, in any order.

    Raises:
        Refused: a modifier is unknown, given twice, or its value makes no sense.
    """
    modifiers = Modifiers()
    seen: set[str] = set()
    for part in split(text, ","):
        if not part and text:  # a comma too many
            continue
        name, equals, value = part.strip().partition("=")
        reader = _READERS.get(name)
        if reader is None:
            raise Refused(Code.UNSUPPORTED_MODIFIER, f"${name[:60]}")
        if name in seen:
            raise Refused(Code.BAD_MODIFIER, f"${name} is given twice")
        seen.add(name)
        reader(modifiers, name, value if equals else None)
    return modifiers


def split(text: str, divider: str) -> Iterator[str]:
    """Yield the parts of `text` between dividers that are neither escaped nor quoted."""
    start = 0
    quote = ""
    previous = divider
    escaped = False
    for position, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and previous in "=|~,":
            quote = char
        elif char == divider:
            yield text[start:position]
            start = position + 1
        previous = char
    yield text[start:]


def _flag(modifiers: Modifiers, name: str, value: str | None) -> None:
    if value is not None:
        raise Refused(Code.BAD_MODIFIER, f"${name} takes no value")
    setattr(modifiers, name, True)


def _dnsrewrite(modifiers: Modifiers, name: str, value: str | None) -> None:
    del name
    plain = _unescape(value or "")
    modifiers.rewrite_is_empty = not plain
    modifiers.rewrite = read_rewrite(plain)


def _values(name: str, value: str | None) -> Iterator[_Value]:
    for part in split(value or "", "|"):
        text = part.strip()
        negated = text.startswith("~")
        text = text.removeprefix("~")
        if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
            text = text[1:-1]
        text = _unescape(text)
        if not text:
            raise Refused(Code.BAD_MODIFIER, f"${name} has an empty value")
        yield _Value(text, negated)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _dnstype(modifiers: Modifiers, name: str, value: str | None) -> None:
    wanted: set[int] = set()
    unwanted: set[int] = set()
    for each in _values(name, value):
        number = type_number(each.text)
        if number is None:
            raise Refused(Code.BAD_MODIFIER, f"$dnstype: unknown type {each.text[:40]!r}")
        (unwanted if each.negated else wanted).add(number)
    modifiers.condition = replace(
        modifiers.condition, qtypes=frozenset(wanted), not_qtypes=frozenset(unwanted)
    )


def _client(modifiers: Modifiers, name: str, value: str | None) -> None:
    wanted, unwanted = _texts(name, value, _client_text)
    modifiers.condition = replace(modifiers.condition, clients=wanted, not_clients=unwanted)


def _ctag(modifiers: Modifiers, name: str, value: str | None) -> None:
    wanted, unwanted = _texts(name, value, _tag_text)
    modifiers.condition = replace(modifiers.condition, tags=wanted, not_tags=unwanted)


def _denyallow(modifiers: Modifiers, name: str, value: str | None) -> None:
    values = tuple(_values(name, value))
    if any(each.negated for each in values):
        raise Refused(Code.BAD_MODIFIER, "$denyallow takes no ~")
    names = frozenset(read_name(each.text) for each in values)
    modifiers.condition = replace(modifiers.condition, denyallow=names)


def _texts(
    name: str, value: str | None, read: Callable[[str], str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the plain and the negated values, each through `read`."""
    values = tuple(_values(name, value))
    return (
        frozenset(read(each.text) for each in values if not each.negated),
        frozenset(read(each.text) for each in values if each.negated),
    )


def _client_text(text: str) -> str:
    """Return an address or network in its one spelling, any other text as it is."""
    try:
        if "/" in text:
            return str(ip_network(text, strict=False))
        return str(ip_address(text))
    except ValueError:
        return text


def _tag_text(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise Refused(Code.BAD_MODIFIER, f"$ctag: not a tag: {text[:40]!r}")
    return text


_READERS: dict[str, Callable[[Modifiers, str, str | None], None]] = {
    "important": _flag,
    "badfilter": _flag,
    "dnsrewrite": _dnsrewrite,
    "dnstype": _dnstype,
    "client": _client,
    "ctag": _ctag,
    "denyallow": _denyallow,
}
