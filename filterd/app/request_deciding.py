"""Rules about requests, in ABP syntax or hashed, beside a snapshot: who has the last word."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filterd.app.ruling import Ruling
from filterd.core import Abp, Decision, HashedUrls
from filterd.model.errors import RulesError
from filterd.model.verdict import Kind, Reason, Step, Verdict
from filterd.policy.abp_rules import KINDS, AbpRequest, AbpRules, Candidate
from filterd.policy.ages import effective_min_age
from filterd.policy.classes import RuleClass
from filterd.policy.explain import MatchRow
from filterd.policy.hashed_rules import HashedRules
from filterd.policy.precedence import Policy, rank_behind
from filterd.policy.request_rules import ABP, CLASSES, HASHED, RequestRules
from filterd.policy.request_standing import standing_of
from filterd.policy.segments import Frame

_Matcher = TypeVar("_Matcher", Abp, HashedUrls)


@dataclass(frozen=True, slots=True)
class RequestDecider:
    """Rules about requests, how they stand, and the policies of the groups by name."""

    rules: RequestRules
    policies: Mapping[str, Policy]

    def verdict(
        self,
        request: AbpRequest,
        decision: Decision,
        classes: Sequence[RuleClass],
        now: float,
    ) -> Verdict | None:
        """Return the verdict if a rule about requests has the last word, None if `decision` stands.

        `classes` are those of the snapshot behind `decision`; `now` is in unix seconds.

        Raises:
            ValueError: `request.url` has no host.
            RuntimeError: the matcher failed.
        """
        found = self.found(request, decision, classes, now)
        if found is None:
            return None
        policy, rule = self.policies[decision.group], found.rule_class
        reason = Reason(
            step=Step(found.rank >> 8),
            list=rule.list,
            rule=found.rule,
            line=found.line or None,
            category=rule.category,
            min_age=effective_min_age(rule, policy.ages, policy.own_ages),
        )
        return Verdict(Kind.BLOCK if found.blocks else Kind.ALLOW, reason)

    def found(
        self,
        request: AbpRequest,
        decision: Decision,
        classes: Sequence[RuleClass],
        now: float,
    ) -> Candidate | None:
        """Return the rule that has the last word, as `verdict` does."""
        rule = classes[decision.class_id] if decision.class_id >= 0 else None
        other = rank_behind(decision.step, rule)
        return self.rules.last_word(request, decision.group, other, now)

    def rows(
        self, request: AbpRequest, group: str, now: float, layer: int, first: int
    ) -> list[MatchRow]:
        """Return every rule that speaks about a request, as rows of `Snapshot.matches`; classes
        count from `first`. Those of lists that have no say in `group` are there, too.
        """
        found: list[MatchRow] = []
        if self.rules.abp is not None:
            rules, standing = self.rules.abp
            row, asked = standing.row(group, now), (request.url, request.source, request.kind)
            silent = [place for place in range(len(rules.abp.counts)) if place not in row.counting]
            for only in (row.counting, silent):
                matches = rules.abp.matches(*asked, method=request.method, only=only)
                for place, rule, kind, line in matches:
                    number = place * len(KINDS) + KINDS.index(kind)
                    found.append((row.ranks[number], first + number, ABP, rule, layer, line))
            first += len(rules.classes)
        if self.rules.hashed is not None:
            hashed, standing = self.rules.hashed
            ranks = standing.row(group, now).ranks
            for place, _, entry in hashed.urls.matches(request.url):
                found.append((ranks[place], first + place, HASHED, entry.hex(), layer, 0))
        return sorted(found)


def request_decider(
    abp: AbpRules | None, hashed: HashedRules | None, frame: Frame
) -> RequestDecider:
    """Return who decides by these rules, as they stand in the groups of `frame`."""
    return RequestDecider(
        RequestRules(
            None if abp is None else (abp, standing_of(abp.classes, frame)),
            None if hashed is None else (hashed, standing_of(hashed.classes, frame)),
        ),
        {member.policy.group.name: member.policy for member in frame.members},
    )


def open_requests(ruling: Ruling, known: RequestDecider | None = None) -> RequestDecider | None:
    """Open the rules about requests that a ruling has, if it has any. `known`: of a ruling with the
    same lists, whose rules are taken.

    Raises:
        RulesError: a file of them is damaged.
    """
    lists = ruling.inputs.lists
    if lists is None or not lists.requests:
        return None
    abp = hashed = None
    if known is None:
        parts = lists.generation.requests
        if ABP in parts:
            opened = _opened(Abp.open, lists.requests[ABP])
            abp = AbpRules(opened, CLASSES[ABP](parts[ABP].lists))
        if HASHED in parts:
            urls = _opened(HashedUrls.open, lists.requests[HASHED])
            hashed = HashedRules(urls, CLASSES[HASHED](parts[HASHED].lists))
    else:
        abp = known.rules.abp and known.rules.abp[0]
        hashed = known.rules.hashed and known.rules.hashed[0]
    return request_decider(abp, hashed, ruling.ground.outline.frame)


def _opened(opening: Callable[[str], _Matcher], path: Path) -> _Matcher:
    try:
        return opening(str(path))
    except (OSError, ValueError) as error:
        raise RulesError(f"{path}: {error}; `filterd lists update` makes it anew") from error
