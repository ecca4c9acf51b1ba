"""Rules about requests, in ABP syntax or hashed, beside an index that has decided: the last word.

Both kinds give candidates with ranks. Hashed lists are asked first, then ABP rules, with the lower
rank to beat. Workers, `explain` and `decide` all ask here, so that they cannot disagree.
"""

from dataclasses import dataclass, replace

from filterd.policy.abp_rules import AbpRequest, AbpRules, Candidate, abp_classes, last_word
from filterd.policy.classes import RuleClass
from filterd.policy.hashed_rules import HashedRules, hashed_candidate, hashed_classes
from filterd.policy.request_standing import Standing

ABP, HASHED = "abp", "hashed"  # the kinds, by the words that files and hand-overs have for them
CLASSES = {ABP: abp_classes, HASHED: hashed_classes}


@dataclass(frozen=True, slots=True)
class RequestRules:
    """The rules of each kind, where there are any, and how they stand for each group."""

    abp: tuple[AbpRules, Standing] | None = None
    hashed: tuple[HashedRules, Standing] | None = None

    @property
    def classes(self) -> tuple[RuleClass, ...]:
        """What `Candidate.number` counts: the classes of ABP rules, then of hashed lists."""
        both = (part[0].classes for part in (self.abp, self.hashed) if part is not None)
        return tuple(rule for classes in both for rule in classes)

    def last_word(
        self, request: AbpRequest, group: str, other: int, now: float
    ) -> Candidate | None:
        """Return the rule that has the last word on a request in `group`, None: what was decided
        at rank `other` stands.

        Raises:
            ValueError, KeyError: no URL with a host, no such group.
            RuntimeError: the matcher of ABP rules failed; open the rules again.
        """
        first = self.hashed_word(request, group, other, now)
        if self.abp is None:
            return first
        rules, standing = self.abp
        row = standing.row(group, now)
        return last_word(rules, row, request, other if first is None else first.rank) or first

    def hashed_word(
        self, request: AbpRequest, group: str, other: int, now: float
    ) -> Candidate | None:
        """Return what hashed lists alone say, as `last_word` does; the kind that cannot fail."""
        if self.hashed is None:
            return None
        rules, standing = self.hashed
        row = standing.row(group, now)
        if row.best >= other:
            return None
        found = hashed_candidate(rules, row.ranks, request.url, other)
        before = 0 if self.abp is None else len(self.abp[0].classes)
        return None if found is None else replace(found, number=before + found.number)
