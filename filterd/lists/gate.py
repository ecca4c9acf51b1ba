"""May this version of a list be used? Pure: a comparison of summaries, before activation.

Public lists have come empty, as error pages, in another syntax, and with names of whole search
engines. A held version changes nothing: the one in use stays, and the reasons say why.
"""

from dataclasses import dataclass

from filterd.formats.refusals import Code
from filterd.lists.shelf import Summary
from filterd.model.group import ListSpec

AUTO = "auto"  # the configured format of a list that is to be looked at
MAX_NAMED = 5  # caught names told by name; the rest is a number
LIKELY = 0.5  # likeness, see formats.base.Format
UNLIKELY = 0.2


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a version must keep to; shares are 0.0 to 1.0.

    `max_shrink`: share of its entries that a list may lose at once; a list of fewer than `small`
    entries may shrink freely. `max_refused`: share of its lines that may be malformed (see
    `MALFORMED`). `min_rules`: entries that a list must have.
    """

    max_shrink: float = 0.5
    max_refused: float = 0.5
    small: int = 20
    min_rules: int = 1


DEFAULT = Bounds()

# Lines that are wrong in their own format. A browser's list is full of lines that are right there
# and only not for DNS (cosmetic rules, URL rules); those are no sign of a damaged list.
MALFORMED = frozenset(
    {
        Code.BAD_NAME,
        Code.BAD_ADDRESS,
        Code.BAD_RECORD,
        Code.BAD_SYNTAX,
        Code.BAD_ENCODING,
        Code.BAD_MODIFIER,
        Code.TOO_LONG,
    }
)


@dataclass(frozen=True, slots=True)
class Guard:
    """Names a list should not block. `must` holds for every list; `top` are names of everyday
    use, for lists that say nothing of a category and are no order.
    """

    must: tuple[str, ...] = ()
    top: tuple[str, ...] = ()

    def names(self, spec: ListSpec) -> tuple[str, ...]:
        """Return the names to try against the list."""
        if spec.allow:
            return ()
        meant = spec.mandatory or spec.category is not None
        return self.must if meant else self.must + self.top


@dataclass(frozen=True, slots=True)
class Pass:
    """It may be used."""


@dataclass(frozen=True, slots=True)
class Held:
    """It may not, for each of these reasons."""

    reasons: tuple[str, ...]


def judge(
    old: Summary | None,
    new: Summary,
    bounds: Bounds = DEFAULT,
    *,
    auto: bool = False,
) -> Pass | Held:
    """Judge `new` against the version in use, if there is one.

    `auto`: nobody configured the format, it is looked for in each version.
    """
    reasons = (
        *_emptiness(new, bounds),
        *_shrinking(old, new, bounds),
        *_refusals(new, bounds),
        *_syntax(old, new, auto=auto),
        *_catches(old, new),
    )
    return Held(reasons) if reasons else Pass()


def _emptiness(new: Summary, bounds: Bounds) -> tuple[str, ...]:
    if new.accepted == 0 and new.refusals:
        return (f"none of its {new.refusals} lines is a rule in format {new.format}",)
    if new.accepted == 0 and bounds.min_rules > 0:
        return ("it is empty",)
    if new.accepted < bounds.min_rules:
        return (f"it has {new.accepted} entries, fewer than the {bounds.min_rules} it must have",)
    return ()


def _shrinking(old: Summary | None, new: Summary, bounds: Bounds) -> tuple[str, ...]:
    if old is None or old.accepted < bounds.small or new.accepted == 0:
        return ()
    if new.accepted >= old.accepted * (1.0 - bounds.max_shrink):
        return ()
    share = 100 * (old.accepted - new.accepted) // old.accepted
    return (f"it shrank by {share} %, from {old.accepted} to {new.accepted} entries",)


def _refusals(new: Summary, bounds: Bounds) -> tuple[str, ...]:
    malformed = [(code, count) for code, count in new.refused if code in MALFORMED]
    wrong = sum(count for _, count in malformed)
    lines = new.accepted + wrong
    if new.accepted == 0 or wrong <= lines * bounds.max_refused:
        return ()
    code, count = max(malformed, key=lambda item: item[1])
    return (f"{wrong} of {lines} lines make no sense, most as {code} ({count})",)


def _syntax(old: Summary | None, new: Summary, *, auto: bool) -> tuple[str, ...]:
    """A list that changed its syntax may still have lines that can be read, with other meaning.
    That the operator has configured another format is no such change.
    """
    if old is None or new.accepted == 0:
        return ()
    if old.format != new.format:
        return (f"it looked like {old.format} before and looks like {new.format} now",) * auto
    if old.likeness >= LIKELY and new.likeness < UNLIKELY:
        return (f"its lines no longer look like format {new.format}",)
    return ()


def _catches(old: Summary | None, new: Summary) -> tuple[str, ...]:
    """A name that the version in use blocks too is what the operator wants or has accepted."""
    before = {hit.name for hit in old.caught} if old is not None else set()
    caught = [hit for hit in new.caught if hit.name not in before]
    named = tuple(
        f"it would block {hit.name}, which must stay reachable (rule for {hit.pattern or '.'})"
        for hit in caught[:MAX_NAMED]
    )
    more = len(caught) - len(named)
    return (*named, f"and {more} more such names") if more > 0 else named
