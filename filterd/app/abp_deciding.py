"""URL rules in ABP syntax beside a snapshot: which of the two has the last word on a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from filterd.core import Decision
from filterd.model.verdict import Kind, Reason, Step, Verdict
from filterd.policy.abp_rules import AbpRequest, AbpRules, abp_candidate, abp_ranks
from filterd.policy.ages import effective_min_age
from filterd.policy.precedence import DEFAULT_BLOCK, Policy, rank


@dataclass(frozen=True, slots=True)
class AbpDecider:
    """ABP rules and the policies of the groups by name. Schedules are not looked at."""

    rules: AbpRules
    policies: Mapping[str, Policy]

    def verdict(
        self, request: AbpRequest, decision: Decision, ranks: Sequence[int]
    ) -> Verdict | None:
        """Return the verdict if an ABP rule has the last word, None if `decision` stands.

        `ranks` are those of the matches behind `decision`, the best first (`Snapshot.matches_url`).

        Raises:
            ValueError: `request.url` has no host.
        """
        policy = self.policies[decision.group]
        own = abp_ranks(self.rules.classes, policy)
        found = abp_candidate(self.rules, own, request)
        if found is None or found.rank >= _rank_of(decision, ranks):
            return None
        rule = found.rule_class
        reason = Reason(
            step=Step(found.rank >> 8),
            list=rule.list,
            rule=found.rule,
            line=found.line,
            category=rule.category,
            min_age=effective_min_age(rule, policy.ages, policy.own_ages),
        )
        return Verdict(Kind.BLOCK if found.blocks else Kind.ALLOW, reason)


def _rank_of(decision: Decision, ranks: Sequence[int]) -> int:
    """Return the rank by which `decision` was taken; without a rule, that of its step."""
    if decision.class_id >= 0 and ranks:
        return ranks[0]
    return DEFAULT_BLOCK if decision.step == Step.DEFAULT else rank(Step(decision.step))
