"""Lists of hashed URLs to a matcher, a match to a candidate with its rank.

Such a list only blocks, or, as a list of exceptions, only allows; so it has one class, and that
stands where a block or an exception of a list stands: by the same ranks as rules in ABP syntax
(`abp_rules.abp_ranks`). A candidate's rule is the entry, as the list has it: what is listed must
not be told by logs and pages, and who asks knows what was asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from filterd.core import HashedUrls
from filterd.formats.hashed_urls import HashedList, read_hashed
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.model.rule import Action
from filterd.policy.abp_rules import Candidate, Ranks
from filterd.policy.classes import Origin, RuleClass
from filterd.policy.precedence import NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class HashedRules:
    """Lists, compiled, and what their classes mean. The place of a list is its class."""

    urls: HashedUrls
    classes: tuple[RuleClass, ...]


def compile_hashed(sources: Iterable[tuple[ListSpec, bytes]]) -> HashedRules:
    """Compile lists. RulesError: one that does not read, with its name, the line and what to do."""
    specs, lists = [], []
    for place, (spec, data) in enumerate(sources):
        specs.append(spec)
        made = _read(spec, data)
        lists.append((made.salt, made.width, made.entries, place))
    try:
        return HashedRules(HashedUrls.build(lists), hashed_classes(specs))
    except ValueError as error:
        raise RulesError(str(error)) from None


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


def hashed_candidate(rules: HashedRules, ranks: Ranks, url: str) -> Candidate | None:
    """Return the entry that wins for a group with these ranks (`abp_ranks` of the classes), of one
    list that for the longest host and path; None: none covers `url`.

    Raises:
        ValueError: `url` has no spelling (`canonical_url`).
    """
    counting = [place for place, rank in enumerate(ranks) if rank < NOT_APPLICABLE]
    best: Candidate | None = None
    for place, _, entry in rules.urls.matches(url, only=counting) if counting else ():
        if best is None or ranks[place] < best.rank:
            best = Candidate(ranks[place], rules.classes[place], entry.hex(), 0)
    return best


def _read(spec: ListSpec, data: bytes) -> HashedList:
    try:
        return read_hashed(data)
    except RulesError as error:
        raise RulesError(f"{spec.name}: {error}") from None
