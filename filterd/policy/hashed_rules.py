"""Lists of hashed URLs to a matcher, a match to a candidate with its rank.

Such a list only blocks, or, as a list of exceptions, only allows; so it has one class, and that
stands where a block or an exception of a list stands, as with rules in ABP syntax. A candidate's
rule is the entry, as the list has it: logs and pages must not tell what is listed, and who asks
knows what was asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from filterd.core import HashedUrls
from filterd.model.group import ListSpec
from filterd.model.rule import Action
from filterd.policy.abp_rules import Candidate
from filterd.policy.classes import Origin, RuleClass
from filterd.policy.precedence import NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class HashedRules:
    """Lists, compiled, and what their classes mean. The place of a list is its class."""

    urls: HashedUrls
    classes: tuple[RuleClass, ...]


def hashed_classes(specs: Iterable[ListSpec]) -> tuple[RuleClass, ...]:
    """Return the classes of lists, one for each."""
    return tuple(
        RuleClass(
            Origin.LIST,
            Action.ALLOW if spec.allow else Action.BLOCK,
            list=spec.name,
            category=spec.category,
            min_age=spec.min_age,
            mandatory=spec.mandatory,
            allow_list=spec.allow,
        )
        for spec in specs
    )


def hashed_candidate(
    rules: HashedRules, ranks: Sequence[int], url: str, below: int = NOT_APPLICABLE
) -> Candidate | None:
    """Return the entry that wins for a group whose ranks of the classes these are, of one list
    that for the longest host and path. None: none of a rank below `below` covers `url`; lists
    without such a rank are not asked.

    Raises:
        ValueError: `url` has no spelling (`canonical_url`).
    """
    counting = [place for place, rank in enumerate(ranks) if rank < below]
    best: Candidate | None = None
    for place, _, entry in rules.urls.matches(url, only=counting) if counting else ():
        if best is None or ranks[place] < best.rank:
            best = Candidate(ranks[place], rules.classes[place], entry.hex(), 0, place)
    return best
