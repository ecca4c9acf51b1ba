"""URL rules in ABP syntax: lists to a matcher, a match to a candidate with its rank.

The core says which rules of which list match a request (`filterd.core.Abp`); what that is worth
for a group is said here, by the same precedence as for names: in step 7 `$important` before
exceptions before blocks, in step 8 lists with an age, in step 2 mandatory ones. So each list has
three classes, one for each kind of rule, at `3 * place + kind`.

* An exception counts only where an ABP rule blocks; it then lifts every list's block.
* All that a list of exceptions matches is an exception.
* A mandatory list only blocks: its exceptions are nobody's, and no other list's `$badfilter` voids
  its rules.
* A list that does not apply to a group has no say in it, its exceptions neither.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from filterd.core import Abp
from filterd.model.group import ListSpec
from filterd.model.rule import Action
from filterd.policy.classes import Origin, RuleClass
from filterd.policy.precedence import NOT_APPLICABLE

FORMAT = "abp-url"
KINDS = ("block", "exception", "important")


@dataclass(frozen=True, slots=True)
class AbpReport:
    """What became of one list's lines. `unsupported` has a word for each kind of line not kept."""

    name: str
    rules: int
    cosmetic: int
    comments: int
    unsupported: tuple[tuple[str, int], ...]  # most frequent first


@dataclass(frozen=True, slots=True)
class AbpRules:
    """Lists, compiled, and what their classes mean."""

    abp: Abp
    classes: tuple[RuleClass, ...]

    def reports(self) -> tuple[AbpReport, ...]:
        """Return what became of each list."""
        names = [rule_class.list for rule_class in self.classes[:: len(KINDS)]]
        return tuple(
            AbpReport(names[place], rules, cosmetic, comments, _frequent(unsupported))
            for place, rules, cosmetic, comments, unsupported in self.abp.counts
        )


@dataclass(frozen=True, slots=True)
class Row:
    """How classes stand for a group at a moment. `counting`: places of lists that have a say, where
    each has as many classes as KINDS; `best`: the lowest rank that any rule can have.
    """

    ranks: tuple[int, ...]
    counting: tuple[int, ...]
    best: int


class AbpRequest(NamedTuple):
    """What is asked for. Hosts in A-labels; `source` None: not known, or a page (see the core)."""

    url: str
    source: str | None = None
    kind: str = "other"
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that speaks about a request: `rank` as in `precedence`, lower wins."""

    rank: int
    rule_class: RuleClass
    rule: str
    line: int  # in its list, from 1; 0: nobody knows
    number: int = 0  # of its class

    @property
    def blocks(self) -> bool:
        """Whether it is a block; else it lifts one."""
        return self.rule_class.action is Action.BLOCK


def compile_abp(sources: Iterable[tuple[ListSpec, bytes]]) -> AbpRules:
    """Compile lists; the place of each is its class in the core. ValueError: too much of them."""
    specs, texts = [], []
    for place, (spec, data) in enumerate(sources):
        specs.append(spec)
        texts.append((data, place))
    sealed = [place for place, spec in enumerate(specs) if spec.mandatory]
    return AbpRules(Abp.build(texts, sealed=sealed), abp_classes(specs))


def abp_classes(specs: Iterable[ListSpec]) -> tuple[RuleClass, ...]:
    """Return the classes of lists, which are as many as KINDS for each."""
    return tuple(_class_of(spec, kind) for spec in specs for kind in KINDS)


def row_of(ranks: Iterable[int]) -> Row:
    """Return a row of these ranks, one for each class."""
    row, step = tuple(ranks), len(KINDS)
    counting = tuple(
        start // step
        for start in range(0, len(row), step)
        if min(row[start : start + step]) < NOT_APPLICABLE
    )
    return Row(row, counting, min(row, default=NOT_APPLICABLE))


def last_word(rules: AbpRules, row: Row, request: AbpRequest, other: int) -> Candidate | None:
    """Return the rule that has the last word on a request, None: what was decided at rank `other`
    stands, and where no rule here could change that the matcher is not even asked.

    Raises:
        ValueError: `request.url` has no host.
        RuntimeError: the matcher failed; open the rules again.
    """
    if row.best >= other or not row.counting:
        return None
    found = rules.abp.matches(
        request.url, request.source, request.kind, method=request.method, only=row.counting
    )
    if not found:
        return None
    best: Candidate | None = None
    for place, rule, kind, line in found:
        number = place * len(KINDS) + KINDS.index(kind)
        rank = row.ranks[number]
        if rank < (other if best is None else best.rank):
            best = Candidate(rank, rules.classes[number], rule, line, number)
    return best


def _class_of(spec: ListSpec, kind: str) -> RuleClass:
    allow = spec.allow or kind == "exception"
    return RuleClass(
        Origin.LIST,
        Action.ALLOW if allow else Action.BLOCK,
        list=spec.name,
        important=kind == "important",
        category=spec.category,
        min_age=spec.min_age,
        mandatory=spec.mandatory,
        allow_list=spec.allow,
    )


def _frequent(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
