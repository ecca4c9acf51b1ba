"""Page rules beside a snapshot, in ABP syntax or as hashes: who has the last word on a request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from filterd.core import Decision
from filterd.model.verdict import Kind, Reason, Step, Verdict
from filterd.policy.abp_rules import AbpRequest, AbpRules, Candidate, abp_candidate, abp_ranks
from filterd.policy.ages import effective_min_age
from filterd.policy.hashed_rules import HashedRules, hashed_candidate
from filterd.policy.precedence import DEFAULT_BLOCK, Policy, rank


@dataclass(frozen=True, slots=True)
class PageDecider:
    """Page rules and the policies of the groups by name. Schedules are not looked at."""

    policies: Mapping[str, Policy]
    abp: AbpRules | None = None
    hashed: HashedRules | None = None

    def verdict(
        self, request: AbpRequest, decision: Decision, ranks: Sequence[int]
    ) -> Verdict | None:
        """Return the verdict if a page rule has the last word, None if `decision` stands.

        `ranks` are those of the matches behind `decision`, the best first (`Snapshot.matches_url`).

        Raises:
            ValueError: `request.url` has no host.
        """
        policy = self.policies[decision.group]
        candidates = self._candidates(policy, request)
        found = min(candidates, key=lambda each: each.rank, default=None)
        if found is None or found.rank >= _rank_of(decision, ranks):
            return None
        rule = found.rule_class
        reason = Reason(
            step=Step(found.rank >> 8),
            list=rule.list,
            rule=found.rule,
            line=found.line or None,
            category=rule.category,
            min_age=effective_min_age(rule, policy.ages, policy.own_ages),
        )
        return Verdict(Kind.BLOCK if found.blocks else Kind.ALLOW, reason)

    def _candidates(self, policy: Policy, request: AbpRequest) -> Iterator[Candidate]:
        found = []
        if self.abp is not None:
            found.append(abp_candidate(self.abp, abp_ranks(self.abp.classes, policy), request))
        if self.hashed is not None:
            ranks = abp_ranks(self.hashed.classes, policy)
            found.append(hashed_candidate(self.hashed, ranks, request.url))
        return (each for each in found if each is not None)


def _rank_of(decision: Decision, ranks: Sequence[int]) -> int:
    """Return the rank by which `decision` was taken; without a rule, that of its step."""
    if decision.class_id >= 0 and ranks:
        return ranks[0]
    return DEFAULT_BLOCK if decision.step == Step.DEFAULT else rank(Step(decision.step))
