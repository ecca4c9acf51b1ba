"""The rules in force in a worker: read from what the daemon hands over, swapped whole.

A hand-over is a folder with `ruling.json`, which the daemon replaces in one step, and the index
files it names. `Rules.look` notices a new one by its stat, opens all of it beside, and only then
swaps. Whatever is wrong with a new one, or where the daemon is away, the old one stays in force.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.core import Decision, Index, Snapshot
from filterd.http.never import NeverDecrypt
from filterd.http.request_headers import NOTHING, RequestHeaders, read_plan
from filterd.http.words import Reason
from filterd.model.errors import RulesError
from filterd.model.verdict import Kind, Step
from filterd.policy.classes import ClassTable, RuleClass, source_of
from filterd.policy.classes_json import read_meta

logger = logging.getLogger(__name__)
FORMAT = 1
RULING = "ruling.json"
_MOST_REASONS = 4096
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
    settings: Mapping[str, Any] = field(default_factory=dict)
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

    def judge_url(self, url: str, client: str, now: float) -> Reason:
        """Decide a whole URL: rules for its host and for the page, the same steps.

        Raises:
            ValueError, KeyError: it cannot be decided; a URL without one spelling is among that.
        """
        return self._reason(self.snapshot.decide_url(url, now, client=client))

    def _reason(self, made: Decision) -> Reason:
        key = (made.kind, made.step, made.class_id, made.group, made.pattern, made.line)
        found = self._reasons.get(key)
        if found is None:
            if len(self._reasons) >= _MOST_REASONS:
                self._reasons.clear()
            found = self._reasons[key] = self._made_reason(made)
        return found

    def _made_reason(self, made: Decision) -> Reason:
        rule = self.classes[made.class_id] if made.class_id >= 0 else None
        kind, step = Kind(made.kind), Step(made.step)
        if rule is None:
            return Reason(kind, step, made.group)
        return Reason(
            kind=kind,
            step=step,
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
        self.now: InForce | None = None
        self.problem: str | None = "no rules were handed over yet; is `filterd serve` running?"

    def look(self) -> bool:
        """Read a new hand-over if there is one; whether other rules are in force now."""
        try:
            stat = self._path.stat()
        except OSError:
            return False  # the daemon has never been here, or its disk is away
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen == self._seen:
            return False
        try:
            made = open_ruling(self._path)
        except (RulesError, OSError, ValueError, KeyError, TypeError) as error:
            # Files of it may be gone because the next one is being written: look again.
            if self.problem != str(error):
                logger.warning("rules that were handed over are not used: %s", error)
            self.problem = str(error)
            return False
        self._seen, self.now, self.problem = seen, made, None
        logger.info("rules in force: generation %d", made.snapshot.generation)
        return True


def open_ruling(path: Path) -> InForce:
    """Open all that `path` names.

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
    return InForce(
        snapshot=Snapshot(indexes, said["plan"], said["generation"]),
        classes=tuple(rule for table in tables for rule in table.classes),
        groups=groups,
        never=NeverDecrypt.of(never["core"], never["added"]),
        illegal=frozenset(said["illegal"]),
        categories=said["categories"],
        page=said["page"],
        headers=read_plan(said["headers"]),
        settings=said["http"],
    )
