"""Rules about requests (in ABP syntax, or hashed) in a worker, beside the index that has decided.

The index decides a URL once; these rules are asked only where one of them could outrank that, by
the same precedence (`filterd.policy.request_rules`). The matcher of ABP rules is not asked again
once it has failed: whoever needs it gets `PagesFailed`, until it is opened anew.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filterd.core import Abp, Decision, HashedUrls
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.model.verdict import Kind
from filterd.policy.abp_rules import AbpRequest, AbpRules, Candidate
from filterd.policy.classes import RuleClass
from filterd.policy.hashed_rules import HashedRules
from filterd.policy.precedence import rank_behind
from filterd.policy.request_rules import ABP, CLASSES, HASHED, RequestRules
from filterd.policy.request_standing import Standing, standing_in

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
    """Rules, and how they stand for each group. `files`: where they were opened from, by kind;
    `failed`: the matcher of ABP rules is not to be asked.
    """

    files: Mapping[str, str]
    rules: RequestRules
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
        other = rank_behind(made.step, rule)
        if not self.failed:
            try:
                return self.rules.last_word(request, made.group, other, now)
            except RuntimeError as error:
                self.failed = True
                logger.error("rules about requests are not asked until opened anew: %s", error)  # noqa: TRY400
        first = self.rules.hashed_word(request, made.group, other, now)
        if first is not None:
            blocked, other = first.blocks, first.rank
        else:
            blocked = made.kind == Kind.BLOCK
        abp = self.rules.abp
        if not blocked and abp is not None and abp[1].row(made.group, now).best < other:
            mandatory = any(each.mandatory for each in abp[0].classes)
            raise PagesFailed(self.files[ABP], mandatory=mandatory)
        return first


def open_pages(said: Mapping[str, Any], before: PageRules | None) -> PageRules | None:
    """Open what a hand-over says of rules about requests, by kind. A file that `before` has open is
    not read again.

    Raises:
        RulesError, ValueError, KeyError, TypeError, OSError: it is damaged, or of another version.
    """
    if not said:
        return None
    known = RequestRules() if before is None else before.rules
    files = {kind: str(part["file"]) for kind, part in said.items()}
    same = {
        kind
        for kind, file in files.items()
        if before is not None and before.files.get(kind) == file
    }
    if before is not None and before.failed:
        same.discard(ABP)
    abp = hashed = None
    if ABP in said:
        open_yet = known.abp if ABP in same else None
        matcher = Abp.open(files[ABP]) if open_yet is None else open_yet[0].abp
        classes, standing = _classes(ABP, said, matcher.counts)
        abp = AbpRules(matcher, classes), standing
    if HASHED in said:
        hidden = known.hashed if HASHED in same else None
        urls = HashedUrls.open(files[HASHED]) if hidden is None else hidden[0].urls
        classes, standing = _classes(HASHED, said, urls.counts)
        hashed = HashedRules(urls, classes), standing
    return PageRules(files, RequestRules(abp, hashed))


def _classes(
    kind: str, said: Mapping[str, Any], counts: Sequence[object]
) -> tuple[tuple[RuleClass, ...], Standing]:
    specs = [ListSpec(**each) for each in said[kind]["lists"]]
    if len(specs) != len(counts):
        file = said[kind]["file"]
        raise RulesError(f"{file} is not of the lists that were handed over with it")
    classes = CLASSES[kind](specs)
    return classes, standing_in(said[kind]["standing"], len(classes))
