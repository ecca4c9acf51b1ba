"""AdGuard and Adblock Plus rules at the DNS level, with the hosts lines and bare names such lists
mix in.

Rules that hide page elements belong to a browser and URL rules to the HTTP filter: both are
refused as such. A bare name alone on its line is exact, as in a hosts file; with `@@` or a modifier
it is a pattern like any other, found anywhere in the name.
"""

import re
from collections.abc import Sequence

from filterd.formats import hosts
from filterd.formats.adblock_options import Modifiers, read_modifiers
from filterd.formats.adblock_pattern import is_regex, read_pattern
from filterd.formats.addresses import leads_nowhere, read_address
from filterd.formats.base import Options, Shape
from filterd.formats.lines import JoiningReader, LineReader, share
from filterd.formats.names import name_pattern
from filterd.formats.own_target import spare_target
from filterd.formats.refusals import Code, Refused
from filterd.model.rule import NO_CONDITION, Action, Cancel, Rule, Scope

_COSMETIC = re.compile(
    r"(?:\[\$[^\]]*\])?[\w.,~*:-]*(?:#@?(?:\$\??|\?|%)?#|\$@?\$(?:[a-z]|\[)|#\+js)"
)
_REGEX_END = re.compile(r"(?<!\\)/(?=\$[a-z~])")
# One label alone is a host name too, though none that a list may block; `-x` or `1x` is a fragment.
_BARE_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?![0-9]+$)[\w-]+|[^\W\d_](?:[^\W_]|-)*[^\W\d_]")
_BLANK = re.compile(r"\s")
_COMMENT = re.compile(r"\s+#.*$")
_LIKE = re.compile(
    r"(?:@@)?\|\|?\S+\^|@@\S+|/.+/(?:\$\S+)?$|\S+\$(?:important|dns|client|ctag|deny)"
)


class Adblock:
    """The adblock format."""

    name = "adblock"
    title = "AdGuard/ABP rules for DNS: ||name^, @@, /regex/, $modifiers"
    comments: tuple[bytes, ...] = (b"!", b"# ")

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return the shapes of block and exception rules for one name, and of bare names."""
        del options
        return (
            Shape(b"||", b"^", Scope.SUBTREE),
            Shape(b"", b"", Scope.EXACT),
            Shape(b"@@||", b"^", Scope.SUBTREE, Action.ALLOW),
            Shape(b"@@||", b"^|", Scope.SUBTREE, Action.ALLOW),
            Shape(b"||", b"^|", Scope.SUBTREE),
            Shape(b"|", b"^", Scope.EXACT),
            *hosts.plain_shapes(data, Scope.EXACT),
        )

    def reader(self, options: Options) -> JoiningReader:
        """Return a reader for a new list."""
        return JoiningReader(LineReader(_parse, options))

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of lines with the marks of this syntax; bare names say little."""
        marked = share(sample, lambda text: _LIKE.match(text) is not None)
        cosmetic = share(sample, lambda text: _COSMETIC.match(text) is not None)
        header = any(text.startswith("[Adblock") for text in sample[:3])
        return min(1.0, marked + cosmetic + (0.5 if header else 0.0))


def _parse(text: str, options: Options) -> Sequence[Rule | Cancel | Refused]:
    if _is_comment(text):
        return ()
    first, *rest = text.split(None, 1)
    if rest and (leads_nowhere(first) or read_address(first) is not None):
        # A hosts line is exact here whatever the list says: `subdomains` is for plain lists.
        return hosts.parse(text, Options(wide=options.wide))
    if not text.startswith(("/", "@@/")) and _COSMETIC.match(text):
        raise Refused(Code.COSMETIC_RULE, "hides page elements, which only a browser can do")
    text = _COMMENT.sub("", text)
    if _BARE_NAME.fullmatch(text):
        return (Rule(name_pattern(text, Scope.EXACT, options)),)
    return (_rule(text, options),)


def _is_comment(text: str) -> bool:
    if not text or text.startswith("!"):
        return True
    if text.startswith("["):
        return text.endswith("]")
    bare = text.lstrip("#")
    return bare != text and (
        not bare or bare[0].isspace() or not text.startswith(("##", "#@", "#?", "#$", "#%", "#+"))
    )


def _rule(text: str, options: Options) -> Rule | Cancel:
    if text == "@@":
        raise Refused(Code.BAD_SYNTAX, "an exception from nothing")
    exception = text.startswith("@@")
    pattern_text, modifier_text = _divide(text.removeprefix("@@"))
    modifiers = Modifiers() if modifier_text is None else read_modifiers(modifier_text)
    condition = modifiers.condition
    if _BLANK.search(pattern_text) and not is_regex(pattern_text):
        raise Refused(Code.BAD_SYNTAX, "blanks inside a rule")
    pattern = read_pattern(pattern_text, options, narrowed=condition != NO_CONDITION)
    action = Action.ALLOW if exception else Action.BLOCK
    rewrite = modifiers.rewrite
    if rewrite is not None:
        action = Action.UNREWRITE if exception else Action.REWRITE
        if exception and modifiers.rewrite_is_empty:
            rewrite = None  # every rewrite of the name, not the one with an empty answer
    if action is Action.REWRITE:
        condition = spare_target(pattern, condition, rewrite)
    rule = Rule(pattern, action, modifiers.important, condition, rewrite)
    return Cancel(rule) if modifiers.badfilter else rule


def _divide(text: str) -> tuple[str, str | None]:
    """Return the pattern and the text of the modifiers; None where there is no `$`."""
    if text.startswith("/"):
        end = _REGEX_END.search(text, 1)
        if end:
            return text[: end.end()], text[end.end() + 1 :]
        if is_regex(text):
            return text, None
    pattern, dollar, modifiers = text.partition("$")
    return pattern, modifiers if dollar else None
