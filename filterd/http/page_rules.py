"""Rules about requests (lists of format abp-url) in a worker, beside the index that has decided.

The index decides a URL once; these rules are asked only where one of them could outrank that, by
the same precedence (`filterd.policy.abp_rules.last_word`). A matcher that has failed is not asked
again: whoever needs it gets `PagesFailed`, until it is opened anew.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.core import Abp, Decision
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.model.verdict import Kind
from filterd.policy.abp_rules import AbpRequest, AbpRules, Candidate, abp_classes, last_word
from filterd.policy.abp_standing import Standing, standing_in
from filterd.policy.classes import RuleClass
from filterd.policy.precedence import rank_behind

logger = logging.getLogger(__name__)


class PagesFailed(RuntimeError):
    """The matcher failed, now or before: what it would have said of a request is not known.
    `mandatory`: a list that must hold for everybody is among what cannot be asked.
    """

    def __init__(self, file: str, *, mandatory: bool) -> None:
        super().__init__(file)
        self.mandatory = mandatory


@dataclass(slots=True)
class PageRules:
    """Rules, and how they stand for each group. `file`: where they were opened from."""

    file: str
    rules: AbpRules
    standing: Standing
    failed: bool = field(default=False)

    def last_word(
        self, made: Decision, rule: RuleClass | None, request: AbpRequest, now: float
    ) -> Candidate | None:
        """Return the rule that has the last word on a request, None: `made`, which is the decision
        of `rule`, stands.

        Raises:
            PagesFailed: it cannot be said. What is blocked already, or outranks all rules here, is
                known nevertheless.
            ValueError, KeyError: no URL with a host, no such group.
        """
        row, other = self.standing.row(made.group, now), rank_behind(made.step, rule)
        if self.failed and row.best < other and made.kind != Kind.BLOCK:
            mandatory = any(each.mandatory for each in self.rules.classes)
            raise PagesFailed(self.file, mandatory=mandatory)
        if self.failed:
            return None
        try:
            return last_word(self.rules, row, request, other)
        except RuntimeError as error:
            self.failed = True
            logger.error("rules about requests are not asked until opened anew: %s", error)  # noqa: TRY400
            return self.last_word(made, rule, request, now)


def open_pages(said: Mapping[str, Any] | None, before: PageRules | None) -> PageRules | None:
    """Open what a hand-over says of rules about requests. The file that `before` has open is not
    read again.

    Raises:
        RulesError, ValueError, KeyError, TypeError, OSError: it is damaged, or of another version.
    """
    if said is None:
        return None
    file, specs = str(said["file"]), [ListSpec(**each) for each in said["lists"]]
    classes = abp_classes(specs)
    standing = standing_in(said["standing"], len(classes))
    if before is not None and before.file == file and not before.failed:
        abp = before.rules.abp
    else:
        abp = Abp.open(file)
    if len(specs) != len(abp.counts):
        raise RulesError(f"{file} is not of the lists that were handed over with it")
    return PageRules(file, AbpRules(abp, classes), standing)
