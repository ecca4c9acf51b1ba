"""URL rules in ABP syntax beside a snapshot: which of the two has the last word on a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterd.app.ruling import Ruling
from filterd.core import Abp, Decision
from filterd.model.errors import RulesError
from filterd.model.verdict import Kind, Reason, Step, Verdict
from filterd.policy.abp_rules import (
    KINDS,
    AbpRequest,
    AbpRules,
    Candidate,
    abp_classes,
    last_word,
)
from filterd.policy.abp_standing import Standing, standing_of
from filterd.policy.ages import effective_min_age
from filterd.policy.classes import RuleClass
from filterd.policy.explain import MatchRow
from filterd.policy.precedence import Policy, rank_behind


@dataclass(frozen=True, slots=True)
class AbpDecider:
    """ABP rules, how they stand, and the policies of the groups by name."""

    rules: AbpRules
    standing: Standing
    policies: Mapping[str, Policy]

    def verdict(
        self,
        request: AbpRequest,
        decision: Decision,
        classes: Sequence[RuleClass],
        now: float,
    ) -> Verdict | None:
        """Return the verdict if an ABP rule has the last word, None if `decision` stands.

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
            line=found.line,
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
        row = self.standing.row(decision.group, now)
        return last_word(self.rules, row, request, rank_behind(decision.step, rule))

    def rows(
        self, request: AbpRequest, group: str, now: float, layer: int, first: int
    ) -> list[MatchRow]:
        """Return every rule that speaks about a request, as rows of `Snapshot.matches`; classes
        count from `first`. Those of lists that have no say in `group` are there, too.
        """
        row = self.standing.row(group, now)
        asked, abp = (request.url, request.source, request.kind), self.rules.abp
        silent = [place for place in range(len(abp.counts)) if place not in row.counting]
        found: list[MatchRow] = []
        for only in (row.counting, silent):
            for place, rule, kind, line in abp.matches(*asked, method=request.method, only=only):
                number = place * len(KINDS) + KINDS.index(kind)
                rank = row.ranks[number]
                found.append((rank, first + number, "abp", rule, layer, line))
        return sorted(found)


def open_abp(ruling: Ruling, known: AbpDecider | None = None) -> AbpDecider | None:
    """Open the rules about requests that a ruling has, if it has any. `known`: of a ruling with the
    same lists, whose rules are taken.

    Raises:
        RulesError: their file is damaged.
    """
    lists = ruling.inputs.lists
    if lists is None or lists.abp is None or lists.generation.abp is None:
        return None
    if known is None:
        rules = AbpRules(_opened(lists.abp), abp_classes(lists.generation.abp.lists))
    else:
        rules = known.rules
    frame = ruling.ground.outline.frame
    policies = {member.policy.group.name: member.policy for member in frame.members}
    return AbpDecider(rules, standing_of(rules.classes, frame), policies)


def _opened(path: Path) -> Abp:
    try:
        return Abp.open(str(path))
    except (OSError, ValueError) as error:
        raise RulesError(f"{path}: {error}; `filterd lists update` makes it anew") from error
