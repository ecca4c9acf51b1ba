r"""The pattern of an AdGuard DNS rule, held against host names.

| written | means |
| --- | --- |
| `||x` | at the start of the name or of one of its labels |
| `|x`, `x|` | at the start, at the end |
| `^` | a separator (anything but a letter, digit, `_ . % -`) or the end; in a name: the end |
| `*` | any characters, none included |
| `/x.` | at the start: the slash is the one in front of the name in a URL |
| `x/*` | as `x^` |
| none of these | anywhere in the name |

Patterns that spell a name become name patterns (`||x^` the name and all below it, `|x^` the name
alone, `.x^` and `||*.x^` what is below it), addresses become network patterns on answers, and
the rest becomes a regular expression. What needs more than a host name (path, port) is refused as
a URL rule.
"""

import re
from dataclasses import dataclass

from filterd.formats.addresses import network_pattern
from filterd.formats.base import Options
from filterd.formats.names import name_pattern, normalise, regex_pattern
from filterd.formats.refusals import Code, Refused
from filterd.model.errors import InvalidName
from filterd.model.rule import NamePattern, Pattern, Scope, Trigger

_PLAIN = re.compile(r"[a-z0-9_.*-]+")
_PART_OF_IPV6 = re.compile(r"[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,}")
_HOST_START = re.compile(r"/[a-z0-9.-]{2,}\.")
_SHORTEST = 3  # characters; less is found in nearly every name


@dataclass(frozen=True, slots=True)
class _Parts:
    """A pattern taken apart. `anchor` is "", "|" or "||"; `closed` says that the name ends here."""

    anchor: str
    body: str
    closed: bool


def read_pattern(text: str, options: Options, *, narrowed: bool) -> Pattern:
    """Return what `text`, a rule without `@@` and modifiers, matches.

    `narrowed` says that the rule has a condition (client, tag, type, denyallow): only then may
    it cover every name, since the condition leaves some traffic alone.

    Raises:
        Refused: too wide, a URL rule, or nothing that could match a name.
    """
    if is_regex(text):
        return regex_pattern(text[1:-1], options)
    parts = _take_apart(text)
    if not parts.body:
        if parts.anchor and parts.closed:
            raise Refused(Code.BAD_SYNTAX, "matches no name: it ends where a label starts")
        if not (narrowed or options.wide):
            raise Refused(Code.TOO_WIDE, "covers every name; a condition or wide: true allows it")
        return NamePattern("", Scope.SUBTREE)
    network = network_pattern(parts.body.strip("[]"), Trigger.ANSWER, options)
    if network is not None:
        return network
    spelled = _spelled_name(parts, options)
    if spelled is not None:
        return spelled
    short = len(parts.body.replace("*", "")) < _SHORTEST
    if short and not (narrowed or options.wide):
        raise Refused(Code.TOO_WIDE, f"fewer than {_SHORTEST} characters that must match")
    return regex_pattern(_regex(parts), options)


def is_regex(text: str) -> bool:
    """Say whether `text` is `/expression/`."""
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def _take_apart(text: str) -> _Parts:
    body = text.lower()
    if body.endswith("/*"):
        body = f"{body[:-2]}^"
    if _HOST_START.fullmatch(body):
        return _Parts("|", body[1:], closed=False)
    anchor = "||" if body.startswith("||") else "|" if body.startswith("|") else ""
    body = body[len(anchor) :]
    if not anchor:
        for scheme in ("://", "http://"):  # the engine asks as for http://name
            if body.startswith(scheme):
                anchor, body = "|", body.removeprefix(scheme)
    closed = body.endswith("|")
    body = body.removesuffix("|")
    if not closed or body.endswith("*"):
        closed, body = False, body.rstrip("*")  # open at the end anyway
    if body.endswith("^"):
        closed = True
        body = body.rstrip("^")
    if body.startswith("*"):
        anchor, body = "", body.lstrip("*")  # `*` in front makes an anchor void
    return _Parts(anchor, body, closed)


def _spelled_name(parts: _Parts, options: Options) -> NamePattern | None:
    """Return the name pattern that means the same, None if there is none."""
    if not parts.closed or "*" in parts.body:
        return None
    if any(char in parts.body for char in "/:?&=^%"):
        return None
    if parts.anchor:
        scope = Scope.SUBTREE if parts.anchor == "||" else Scope.EXACT
        return name_pattern(parts.body, scope, options)
    if parts.body.startswith("."):
        return name_pattern(parts.body[1:], Scope.BELOW, options)
    return None


def _regex(parts: _Parts) -> str:
    body = parts.body if parts.body.isascii() else _ascii_labels(parts.body)
    if not (_PLAIN.fullmatch(body) or _PART_OF_IPV6.fullmatch(body)):
        if any(char in body for char in "/:?&=^%"):
            raise Refused(
                Code.URL_RULE,
                "needs more of the URL than its host name; for the HTTP filter, name the list once "
                "more with format abp-url",
            )
        raise Refused(Code.BAD_NAME, f"not part of a domain name: {body[:80]!r}")
    inner = re.sub(r"\*+", ".*", body.replace(".", r"\."))
    before = {"": "", "|": "^", "||": r"(?:^|\.)"}[parts.anchor]
    return f"{before}{inner}{'$' if parts.closed else ''}"


def _ascii_labels(body: str) -> str:
    labels = []
    for label in body.split("."):
        if label.isascii():
            labels.append(label)
            continue
        if "*" in label:
            raise Refused(Code.UNSUPPORTED_PATTERN, "a * inside an international label")
        try:
            labels.append(normalise(label))
        except InvalidName as error:
            raise Refused(Code.BAD_NAME, str(error)) from error
    return ".".join(labels)
