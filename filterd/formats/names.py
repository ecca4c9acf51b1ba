"""Names and patterns as lists write them, brought into the one spelling and checked for width.

The only importer of the core on this floor. Rules kept here: international names become A-labels
(IDNA 2008 with UTS 46 mapping, RFC 5891); a rule for a whole public suffix, or for everything, is
refused unless the list is trusted to be wide; a regular expression runs in linear time or not.
"""

import re

import idna

from filterd.core import IndexBuilder, check_regex, public_suffix
from filterd.formats.base import Options
from filterd.formats.refusals import Code, Refused
from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name, parents
from filterd.model.rule import NamePattern, RegexPattern, Scope

# A pattern that catches each of these labels under one suffix catches that suffix whole: the
# labels have nothing in common (letters, digits and hyphens, several labels).
_PROBE_LABELS = ("qzjxv", "7-40", "wk.b-c.upm0")
_PROBE_SUFFIXES = (
    *("com", "net", "org", "info", "biz", "edu", "gov", "io", "app", "dev", "xyz", "top"),
    *("online", "site", "shop", "club", "vn", "com.vn", "edu.vn", "gov.vn", "net.vn", "org.vn"),
    *("cn", "jp", "kr", "uk", "co.uk", "de", "fr", "ru", "arpa"),
)
_NAME_REGEX = re.compile(
    r"(?:\(\\\.\|\^\)|\(\^\|\\\.\)|\(\?:\\\.\|\^\)|\(\?:\^\|\\\.\)|(?P<exact>\^))"
    r"(?P<name>[a-z0-9_-]+(?:\\\.[a-z0-9_-]+)+)\$"
)
_ESCAPED = re.compile(r"\\.")


def normalise(text: str) -> str:
    """Return `text` as a normalised name: lower case, A-labels, no trailing dot; "" is the root.

    Raises:
        InvalidName: not a domain name (see `model.name.ascii_name`), or a label that IDNA 2008
            does not allow.
    """
    if text.isascii():
        return ascii_name(text)
    try:
        encoded = idna.encode(text, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidName(f"not an international name: {error}") from error
    return ascii_name(encoded)


def read_name(text: str) -> str:
    """Return `normalise(text)`; raises Refused for no name and for the root."""
    try:
        name = normalise(text)
    except InvalidName as error:
        raise Refused(Code.BAD_NAME, str(error)) from error
    if not name:
        raise Refused(Code.BAD_NAME, "no name there")
    return name


def check_width(name: str, scope: Scope, options: Options) -> None:
    """Raise Refused where a rule for `name` is wider than a list may be without `wide: true`.

    An exact rule covers one name only, so just a single label is held back there: no site lives
    at a top-level domain, but garbled lines often look like one.
    """
    if options.wide:
        return
    if not name:
        raise Refused(Code.TOO_WIDE, "covers every name; set wide: true if the list may do that")
    if scope is Scope.EXACT:
        if "." not in name:
            raise Refused(Code.BAD_NAME, f"{name!r} is a single label, not a site's name")
    elif public_suffix(name):
        raise Refused(
            Code.TOO_WIDE,
            f"covers the whole public suffix {name!r}; set wide: true if the list may do that",
        )


def name_pattern(text: str, scope: Scope, options: Options) -> NamePattern:
    """Return the pattern for the name `text`; raises Refused for no name and too wide a rule."""
    name = read_name(text)
    check_width(name, scope, options)
    return NamePattern(name, scope)


def regex_pattern(regex: str, options: Options) -> NamePattern | RegexPattern:
    r"""Return the pattern for a regular expression over lower-case names.

    An expression that only spells a name, `(^|\.)ads\.example$`, becomes a name pattern: the same
    names at a fraction of the cost. Upper-case letters are matched as lower-case ones, since names
    reach the rules in lower case.

    Raises:
        Refused: the core cannot run it, or it catches a whole public suffix.
    """
    if any("A" <= char <= "Z" for char in _ESCAPED.sub("", regex)):
        regex = f"(?i){regex}"
    spelled = _NAME_REGEX.fullmatch(regex)
    if spelled:
        scope = Scope.EXACT if spelled["exact"] else Scope.SUBTREE
        return name_pattern(spelled["name"].replace("\\.", "."), scope, options)
    fault = check_regex(regex)
    if fault is not None:
        raise Refused(Code.UNSUPPORTED_REGEX, " ".join(fault.split())[:200])
    if not options.wide:
        _check_regex_width(regex)
    return RegexPattern(regex)


def _check_regex_width(regex: str) -> None:
    # The core runs the probes, not Python's `re`, which a hostile list could keep busy for hours.
    builder = IndexBuilder()
    try:
        builder.add_regex(regex, 0)
    except ValueError as error:
        raise Refused(Code.UNSUPPORTED_REGEX, " ".join(str(error).split())[:200]) from error
    index = builder.finish("{}")
    families = ((front, suffix) for suffix in _PROBE_SUFFIXES for front in ("", "www."))
    for front, suffix in families:
        if all(index.find(f"{front}{label}.{suffix}") for label in _PROBE_LABELS):
            raise Refused(
                Code.TOO_WIDE,
                f"catches every name under {suffix!r}; set wide: true if the list may do that",
            )


def registrable(name: str) -> str | None:
    """Return the domain that somebody registered: the label below a public suffix, with it. None:
    `name` is a public suffix itself, or no name.
    """
    found = None
    for parent in parents(name):
        if public_suffix(parent):
            return found
        found = parent
    return None
