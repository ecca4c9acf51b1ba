"""The rules in force in a worker: read from what the daemon hands over, swapped whole.

A hand-over is a folder with `ruling.json`, which the daemon replaces in one step, and the files it
names: indexes, and rules about requests. `Rules.look` notices a new one by its stat, opens all of
it beside, and only then swaps. Whatever is wrong with a new one, or where the daemon is away, the
old one stays in force.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.core import Decision, Index, Snapshot
from filterd.http.never import NeverDecrypt
from filterd.http.page_rules import PageRules, open_pages
from filterd.http.request_headers import NOTHING, RequestHeaders, read_plan
from filterd.http.words import Reason
from filterd.model.errors import RulesError
from filterd.model.group import ALWAYS
from filterd.model.verdict import Kind, Step
from filterd.policy.abp_rules import AbpRequest, Candidate
from filterd.policy.classes import ClassTable, Origin, RuleClass, source_of
from filterd.policy.classes_json import read_meta

logger = logging.getLogger(__name__)
FORMAT = 3
RULING = "ruling.json"
_KINDS = {each.value: each for each in Kind}
_STEPS = {each.value: each for each in Step}
_MOST_REASONS = 4096
REOPEN_LOOKS = 50  # after that many looks rules about requests that failed are opened anew
_A = 1  # RFC 1035 section 3.2.2: rules with a condition on the type are held against addresses


@dataclass(frozen=True, slots=True)
class GroupWishes:
    """What a group wants of the HTTP filter. `inspect`: decrypt everything that may be;
    `categories`: decrypt what a rule puts into one of them; `explain`: decrypt what is blocked,
    to say why.
    """

    age: int
    filtered: bool = True
    inspect: bool = False
    categories: frozenset[str] = frozenset()
    explain: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """One hand-over, open. Immutable."""

    snapshot: Snapshot
    classes: tuple[RuleClass, ...]
    groups: Mapping[str, GroupWishes]
    never: NeverDecrypt
    illegal: frozenset[str] = frozenset()
    categories: Mapping[str, Any] = field(default_factory=dict)  # titles, grave, care, by name
    page: Mapping[str, Any] = field(default_factory=dict)
    headers: RequestHeaders = NOTHING
    warnings: frozenset[int] = frozenset()  # classes of orders to warn
    settings: Mapping[str, Any] = field(default_factory=dict)
    pages: PageRules | None = None
    # Nearly all decisions have one of a few reasons, and making one costs more than deciding.
    _reasons: dict[Any, Reason] = field(default_factory=dict, repr=False, compare=False)

    def wishes(self, client: str) -> tuple[str, GroupWishes]:
        """Return the group of `client` and what it wants. ValueError for no address."""
        group = self.snapshot.group_of(client)
        return group, self.groups[group]

    def judge(self, host: str, client: str, now: float) -> Reason:
        """Decide `host`, a normalised name, for `client` at `now` (unix seconds).

        Raises:
            ValueError, KeyError: it cannot be decided.
        """
        return self._reason(self.snapshot.decide(host, _A, now, client=client))

    def judge_url(
        self, url: str, client: str, now: float, request: AbpRequest | None = None
    ) -> Reason:
        """Decide a whole URL: rules for its host and for the page, the same steps. `request`: the
        same as it was sent, for rules about requests where there are any.

        Raises:
            ValueError, KeyError: it cannot be decided; a URL without one spelling is among that.
            PagesFailed: rules about requests would have a say and cannot be asked.
        """
        made = self.snapshot.decide_url(url, now, client=client)
        if self.pages is not None and request is not None:
            rule = self.classes[made.class_id] if made.class_id >= 0 else None
            found = self.pages.last_word(made, rule, request, now)
            if found is not None:
                return self._page_reason(found, made.group)
        return self._reason(made)

    def _page_reason(self, found: Candidate, group: str) -> Reason:
        rule = found.rule_class
        return Reason(
            kind=Kind.BLOCK if found.blocks else Kind.ALLOW,
            step=_STEPS[found.rank >> 8],
            group=group,
            list=source_of(rule),
            rule=found.rule,
            category=rule.category,
            min_age=rule.min_age,
            mandatory=rule.mandatory,
            illegal=rule.category in self.illegal,
            line=found.line,
        )

    def warned(self, url: str, client: str, now: float) -> Reason | None:
        """Return the order to warn of `url` that `client` is to be shown; None: there is none.

        Raises:
            ValueError, KeyError: as for `judge_url`.
        """
        if not self.warnings:
            return None
        group, wishes = self.wishes(client)
        for _, number, _, pattern, _, line in self.snapshot.matches_url(url, now, client=client):
            rule = self.classes[number]
            if number not in self.warnings or now >= (rule.expires or 0):
                continue
            if not wishes.filtered or (rule.min_age or ALWAYS) <= wishes.age:
                continue
            return Reason(
                kind=Kind.PASS,
                step=Step.ORDER,
                group=group,
                list=source_of(rule),
                rule=pattern,
                category=rule.category,
                min_age=rule.min_age,
                order=rule.note or None,
                line=line,
            )
        return None

    def _reason(self, made: Decision) -> Reason:
        key = (made.kind, made.step, made.class_id, made.group, made.pattern)  # the line follows
        found = self._reasons.get(key)
        if found is None:
            if len(self._reasons) >= _MOST_REASONS:
                self._reasons.clear()
            found = self._reasons[key] = self._made_reason(made)
        return found

    def _made_reason(self, made: Decision) -> Reason:
        if made.class_id < 0:
            return Reason(_KINDS[made.kind], _STEPS[made.step], made.group)
        rule = self.classes[made.class_id]
        return Reason(
            kind=_KINDS[made.kind],
            step=_STEPS[made.step],
            group=made.group,
            list=source_of(rule),
            rule=made.pattern or None,
            category=rule.category,
            min_age=rule.min_age,
            order=rule.note or None,
            mandatory=rule.mandatory,
            illegal=rule.category in self.illegal,
            line=made.line,
        )

    def categories_of(self, host: str, client: str, now: float) -> frozenset[str]:
        """Return the categories that any rule puts `host` into, whether it applies or not."""
        rows = self.snapshot.matches(host, _A, now, client=client)
        named = (self.classes[class_id].category for _, class_id, *_ in rows)
        return frozenset(each for each in named if each is not None)


class Rules:
    """The hand-over in `folder`, as last read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RULING
        self._seen: tuple[int, int] | None = None
        self._looks = 0  # since rules about requests failed
        self.now: InForce | None = None
        self.problem: str | None = "no rules were handed over yet; is `filterd serve` running?"

    @property
    def generation(self) -> int:
        """Which rules are in force; 0: none are."""
        return 0 if self.now is None else self.now.snapshot.generation

    def look(self) -> bool:
        """Read a new hand-over if there is one; whether other rules are in force now."""
        try:
            stat = self._path.stat()
        except OSError:
            return False  # the daemon has never been here, or its disk is away
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen == self._seen and not self._failed():
            return False
        try:
            made = open_ruling(self._path, self.now)
        except (RulesError, OSError, ValueError, KeyError, TypeError) as error:
            # Files of it may be gone because the next one is being written: look again.
            if self.problem != str(error):
                logger.warning("rules that were handed over are not used: %s", error)
            self.problem = str(error)
            return False
        self._seen, self.now, self.problem = seen, made, None
        logger.info("rules in force: generation %d", made.snapshot.generation)
        return True

    def _failed(self) -> bool:
        """Say whether rules about requests failed long enough ago to be opened anew."""
        pages = self.now.pages if self.now is not None else None
        self._looks = self._looks + 1 if pages is not None and pages.failed else 0
        return self._looks % REOPEN_LOOKS == REOPEN_LOOKS - 1


def open_ruling(path: Path, before: InForce | None = None) -> InForce:
    """Open all that `path` names; what `before` has open of it for long to open is taken.

    Raises:
        RulesError, OSError, ValueError, KeyError, TypeError: not whole, or not of this version.
    """
    said = json.loads(path.read_bytes())
    if said["format"] != FORMAT:
        raise RulesError(f"{path} is of format {said['format']}, this is {FORMAT}; restart both")
    indexes = [Index.open(each, verify=False) for each in said["indexes"]]
    tables: list[ClassTable] = [read_meta(index.meta) for index in indexes]
    groups = {
        name: GroupWishes(
            age=each["age"],
            filtered=each["filtered"],
            inspect=each["inspect"],
            categories=frozenset(each["categories"]),
            explain=each["explain"],
        )
        for name, each in said["groups"].items()
    }
    never = said["never_decrypt"]
    classes = tuple(rule for table in tables for rule in table.classes)
    warning = {n for n, rule in enumerate(classes) if rule.origin is Origin.WARNING}
    return InForce(
        snapshot=Snapshot(indexes, said["plan"], said["generation"]),
        classes=classes,
        groups=groups,
        never=NeverDecrypt.of(never["core"], never["added"]),
        illegal=frozenset(said["illegal"]),
        categories=said["categories"],
        page=said["page"],
        headers=read_plan(said["headers"]),
        warnings=frozenset(n for n in warning if classes[n].groups is None),
        settings=said["http"],
        pages=open_pages(said["requests"], before.pages if before is not None else None),
    )
