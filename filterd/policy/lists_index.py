"""Compile lists into one index: patterns to the builder, meanings to a class table.

Plain lines go to the core in bulk by the format's shapes; every other line is read by the
format's reader. A refused line is counted with its reason and never reaches the index.
`$badfilter` voids equal rules of every list of its format, whichever comes first.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from filterd.formats.base import Format, Item, Options
from filterd.model.group import ListSpec
from filterd.model.rule import (
    Action,
    Cancel,
    Condition,
    NamePattern,
    NetworkPattern,
    Refusal,
    RegexPattern,
    Rewrite,
    Rule,
    UrlPattern,
)
from filterd.policy.builder import Builder
from filterd.policy.classes import BLOCKING, ClassTable, Origin, RuleClass
from filterd.policy.classes_json import write_meta

MAX_CLASSES = 65_536  # every group's rank table has this many entries at most
PROGRESS_LINES = 8192
PIECE = 4 << 20  # bytes that the core reads at once: what it leaves over must fit the memory
_ORDINARY_ZONES = 32_768  # zones of mandatory lists come before these

Source = tuple[ListSpec, bytes, Format]
Progress = Callable[[str, int, int], None]  # list name, bytes read, of how many
_DNSREWRITE = re.compile(r"[$,]dnsrewrite\b")
_Meaning = tuple[Action, bool, Condition, Rewrite | None, bool]


@dataclass(frozen=True, slots=True)
class ListReport:
    """What became of one list. `accepted` counts lines; `refusals` are the first ones only."""

    name: str
    format: str
    accepted: int
    comments: int
    refused: tuple[tuple[str, int], ...]  # (code, how many), most frequent first
    refusals: tuple[Refusal, ...]

    @property
    def refused_total(self) -> int:
        """Lines refused."""
        return sum(count for _, count in self.refused)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The outcome of `compile_lists`: `meta` goes to the builder's `write` or `finish`."""

    table: ClassTable
    meta: str
    reports: tuple[ListReport, ...]


def compile_lists(
    sources: Iterable[Source],
    builder: Builder,
    *,
    keep_refusals: int | None = 20,
    progress: Progress | None = None,
) -> Compiled:
    """Compile `sources` into `builder`, one after the other, so that an iterator may load lazily.

    `keep_refusals` bounds the refusals kept per list (None: all). The order of RPZ sources is the
    order of their zones, mandatory ones first; all dnsmasq sources are one zone, in which the most
    specific name decides.
    """
    table = ClassTable()
    cancelled: dict[str, set[Rule]] = {}
    lists: list[_OneList] = []
    zones = _Zones()
    for spec, data, form in sources:
        zone = zones.of(spec, form)
        one = _OneList(spec, form, zone, table, builder, keep_refusals)
        one.read(data, cancelled.setdefault(form.name, set()), progress)
        lists.append(one)
    for one in lists:
        one.close(cancelled[one.form.name])
    reports = tuple(one.report() for one in lists)
    about = [{"name": r.name, "format": r.format, "accepted": r.accepted} for r in reports]
    return Compiled(table, write_meta(table, {"lists": about}), reports)


@dataclass(slots=True)
class _Zones:
    """Hands out the places of zones: one for each RPZ list, one for all lists of dnsmasq.

    dnsmasq reads its files as one, and in them the longest name wins. A list of exceptions made
    from such lines is no zone: it is to lift what any list blocks.
    """

    following: dict[bool, int] = field(default_factory=lambda: {True: 0, False: _ORDINARY_ZONES})
    dnsmasq: dict[bool, int] = field(default_factory=dict)

    def of(self, spec: ListSpec, form: Format) -> int | None:
        if form.name == "rpz":
            return self._new(spec.mandatory)
        if form.name == "dnsmasq" and not spec.allow:
            if spec.mandatory not in self.dnsmasq:
                self.dnsmasq[spec.mandatory] = self._new(spec.mandatory)
            return self.dnsmasq[spec.mandatory]
        return None

    def _new(self, mandatory: bool) -> int:  # noqa: FBT001
        place = self.following[mandatory]
        self.following[mandatory] = place + 1
        return place


@dataclass(slots=True)
class _OneList:
    """One list on its way into the builder."""

    spec: ListSpec
    form: Format
    zone: int | None
    table: ClassTable
    builder: Builder
    keep: int | None
    accepted: int = 0
    comments: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    # Regexes and networks wait for the end, because the builder cannot forget them.
    held: list[Rule] = field(default_factory=list)
    _ids: dict[_Meaning, int] = field(default_factory=dict)
    _last_accepted: int = 0
    _spoken: int = 0  # leftover lines that gave an item
    _last_spoken: int = 0

    def read(self, data: bytes, cancelled: set[Rule], progress: Progress | None) -> None:
        """Take the whole list; what `$badfilter` lines void is added to `cancelled`."""
        options = Options(self.spec.subdomains, self.spec.wide, self.spec.zone)
        shapes = []
        for shape in self.form.shapes(data, options):
            class_id = self._class_id((shape.action, False, Condition(), None, False))
            if isinstance(class_id, int):  # a shape that means a refusal is left to the reader
                shapes.append((shape.prefix, shape.suffix, int(shape.scope), class_id))
        reader = self.form.reader(options)
        lines = leftovers = 0
        for start, end in _pieces(data):
            piece = data if end - start == len(data) else data[start:end]
            skimmed = self.builder.skim(
                piece, shapes, self.form.comments, wide=self.spec.wide, before=lines
            )
            self.accepted += skimmed.accepted
            self.comments += skimmed.comments
            total = len(skimmed.leftovers)
            for done, (line, text) in enumerate(skimmed.leftovers, 1):
                self._take(reader.read(line, text), cancelled)
                if progress is not None and done % PROGRESS_LINES == 0:
                    progress(self.spec.name, start + (end - start) * done // total, len(data))
            if progress is not None:
                progress(self.spec.name, end, len(data))
            lines += skimmed.accepted + skimmed.comments + total
            leftovers += total
        self._take(reader.finish(), cancelled)
        self.comments += leftovers - self._spoken

    def close(self, cancelled: set[Rule]) -> None:
        """Void what was cancelled, and add the regexes and networks that were not."""
        for rule in cancelled:
            # A hosts line cannot be voided, so a rewrite that is voided is a `$dnsrewrite`.
            meaning = _meaning(rule, dnsrewrite=rule.action is Action.REWRITE)
            class_id = self._ids.get(meaning)
            if class_id is not None and isinstance(rule.pattern, NamePattern):
                self.builder.remove_name(rule.pattern.name, rule.pattern.scope, class_id)
        for rule in self.held:
            if rule not in cancelled:
                self._add_held(rule)
        self.held.clear()

    def report(self) -> ListReport:
        """Return the counts."""
        return ListReport(
            self.spec.name,
            self.form.name,
            self.accepted,
            self.comments,
            tuple(self.codes.most_common()),
            tuple(sorted(self.refusals, key=lambda refusal: refusal.line)),
        )

    def _take(self, items: Sequence[Item], cancelled: set[Rule]) -> None:
        for item in items:
            line = item.rule.line if isinstance(item, Cancel) else item.line
            self._spoken += line != self._last_spoken
            self._last_spoken = line
            if isinstance(item, Refusal):
                self._refuse(item)
            elif isinstance(item, Cancel):
                cancelled.add(item.rule)
                self._accept(item.rule)
            else:
                self._add(item)

    def _add(self, rule: Rule) -> None:
        class_id = self._class_id(_meaning(rule, dnsrewrite=_is_dnsrewrite(rule)))
        if isinstance(class_id, str):
            self._refuse(Refusal(rule.line, rule.text, class_id))
            return
        self._accept(rule)
        if isinstance(rule.pattern, NamePattern):
            self.builder.add_name(rule.pattern.name, rule.pattern.scope, class_id, rule.line)
        elif isinstance(rule.pattern, UrlPattern):
            url = rule.pattern
            self.builder.add_url(url.host, url.path, url.subtree, class_id, rule.line)
        else:
            self.held.append(rule)

    def _add_held(self, rule: Rule) -> None:
        class_id = self._ids[_meaning(rule, dnsrewrite=_is_dnsrewrite(rule))]
        try:
            if isinstance(rule.pattern, RegexPattern):
                self.builder.add_regex(rule.pattern.regex, class_id, rule.line)
            elif isinstance(rule.pattern, NetworkPattern):
                network, trigger = rule.pattern.network, rule.pattern.trigger
                self.builder.add_network(network, trigger, class_id, rule.line)
        except ValueError as error:
            self.accepted -= 1
            self._refuse(Refusal(rule.line, rule.text, f"unsupported-pattern: {error}"))

    def _accept(self, rule: Rule) -> None:
        if rule.line != self._last_accepted:  # several rules of one line count once
            self.accepted += 1
            self._last_accepted = rule.line

    def _refuse(self, refusal: Refusal) -> None:
        self.codes[refusal.code] += 1
        if self.keep is None or len(self.refusals) < self.keep:
            self.refusals.append(refusal)

    def _class_id(self, meaning: _Meaning) -> int | str:
        """Return the class of `meaning` in this list, or why it cannot have one."""
        known = self._ids.get(meaning)
        if known is not None:
            return known
        rule_class = self._class_of(meaning)
        if isinstance(rule_class, str):
            return rule_class
        if len(self.table) >= MAX_CLASSES:
            return f"too-many-classes: more than {MAX_CLASSES} different conditions and rewrites"
        class_id = self._ids[meaning] = self.table.intern(rule_class)
        return class_id

    def _class_of(self, meaning: _Meaning) -> RuleClass | str:
        action, important, condition, rewrite, dnsrewrite = meaning
        spec = self.spec
        if spec.allow:
            if action in BLOCKING:
                action = Action.ALLOW
            elif action is Action.REWRITE:
                return "rewrite-in-allow-list: an allow list cannot give answers of its own"
        if spec.mandatory and action in (Action.ALLOW, Action.UNREWRITE):
            return "exception-in-order: a mandatory list only blocks"
        return RuleClass(
            Origin.LIST,
            action,
            list=spec.name,
            important=important,
            condition=condition,
            rewrite=rewrite,
            dnsrewrite=dnsrewrite,
            category=spec.category,
            min_age=spec.min_age,
            mandatory=spec.mandatory,
            allow_list=spec.allow,
            zone=self.zone,
        )


def _pieces(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of pieces that end where a line ends; one at least."""
    start = 0
    while len(data) - start > PIECE:
        end = data.find(b"\n", start + PIECE) + 1
        if not end:
            break
        yield start, end
        start = end
    if start < len(data) or not data:
        yield start, len(data)


def _is_dnsrewrite(rule: Rule) -> bool:
    """Tell the ABP modifier from a hosts line with an address, which may stand in one list."""
    return rule.action is Action.REWRITE and _DNSREWRITE.search(rule.text) is not None


def _meaning(rule: Rule, *, dnsrewrite: bool) -> _Meaning:
    return (rule.action, rule.important, rule.condition, rule.rewrite, dnsrewrite)
