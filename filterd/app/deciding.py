"""A snapshot without a node, for tools that decide: from a configuration, or from lists alone."""

import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filterd.app.listtext import ListText
from filterd.app.parts import current_inputs
from filterd.app.paths import Paths, config_path, read_config
from filterd.app.request_deciding import RequestDecider, open_requests, request_decider
from filterd.app.ruling import build_ruling
from filterd.core import Decision, IndexBuilder, Snapshot
from filterd.formats.detect import detect
from filterd.formats.hashed_urls import FORMAT as HASHED_URLS
from filterd.formats.registry import by_name
from filterd.lists.gate import AUTO
from filterd.lists.store import ListStore
from filterd.model.errors import RulesError
from filterd.model.group import ADULT, Group, ListSpec, RuleBook, School
from filterd.model.verdict import Reason, Step
from filterd.policy.abp_rules import FORMAT as ABP_URL
from filterd.policy.abp_rules import compile_abp
from filterd.policy.ages import category_ages, effective_min_age
from filterd.policy.classes import Origin, RuleClass, source_of
from filterd.policy.hashed_lists import compile_hashed
from filterd.policy.lists_index import compile_lists
from filterd.policy.plan import build_plan
from filterd.policy.rulebook import default_directory, load_rulebook
from filterd.policy.segments import frame_of

_SAMPLE = 65_536
_FLAGS = {"subdomains", "trusted", "mandatory"}
_VALUES = {"category", "min_age", "zone", "name"}
SPAN = 7 * 86_400.0  # seconds that one snapshot serves; less than a plan's horizon
KEPT = 64  # snapshots kept for questions about different times
Made = tuple[Snapshot, tuple[RuleClass, ...], RequestDecider | None]
ALONE = "everyone"  # the one group of lists without a configuration


@dataclass(frozen=True, slots=True)
class Decider:
    """Snapshots, what their classes mean, and the lists' texts. `group` overrides the client's.

    `build` makes the snapshot, the classes and what rules about requests say of URLs, which
    hold for some days from a moment on: a plan knows only a few days of schedules, and
    questions may be about any.
    """

    build: Callable[[float], Made]
    ages: Mapping[str, int]
    timezone: str
    group: str | None = None
    texts: Mapping[str, ListText] = field(default_factory=dict)
    _made: OrderedDict[float, Made] = field(default_factory=OrderedDict, repr=False)

    def at(self, moment: float) -> Made:
        """Return what holds at `moment` (unix seconds)."""
        start = moment - moment % SPAN
        made = self._made.get(start)
        if made is None:
            made = self._made[start] = self.build(start)
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        return made

    def reason(self, decision: Decision, classes: Sequence[RuleClass]) -> Reason:
        """Return why, in words that a person can look up."""
        step = Step(decision.step)
        if decision.class_id < 0:
            return Reason(step)
        rule = classes[decision.class_id]
        text = self.texts.get(rule.list) if rule.origin is Origin.LIST else None
        written = text.line(decision.line) if text is not None and decision.line else None
        return Reason(
            step=step,
            list=source_of(rule),
            rule=written or decision.pattern,
            line=decision.line or None,
            category=rule.category,
            min_age=effective_min_age(rule, self.ages, {}),
        )


def from_config(given: str | None, age: int | None = None) -> Decider:
    """Return a decider for a configuration and the lists that are compiled for it.

    Raises:
        ConfigError, RulesError: with every problem.
        PermissionError: the state may not be read, without which the verdict could be another.
    """
    config, book = read_config(config_path(given, os.environ))
    paths = Paths.of(config, os.environ)
    with contextlib.suppress(FileNotFoundError):
        os.scandir(paths.state).close()
    inputs = current_inputs(config, book, paths)
    ruling = build_ruling(inputs, time.time(), 1)
    requests = open_requests(ruling)

    def build(start: float) -> Made:
        made = build_ruling(inputs, start, 1)
        return made.snapshot, made.classes, open_requests(made, requests)

    group = None
    if age is not None:
        group = _group_of_age(ruling.school, age)
    store = ListStore(paths.state)
    texts = {}
    for spec in ruling.school.lists:
        stored = store.read(spec.name)
        if stored is not None:
            texts[spec.name] = ListText(stored.path)
    return Decider(build, category_ages(book, ruling.school), config.timezone, group, texts)


def _group_of_age(school: School, age: int) -> str:
    fitting = [group for group in school.groups if group.age <= age]
    if not fitting:
        raise RulesError(f"no group of the configuration is for age {age} or younger")
    return max(fitting, key=lambda group: group.age).name


def from_lists(blocks: Sequence[str], allows: Sequence[str], age: int | None) -> Decider:
    """Return a decider for lists written FORMAT[,OPTION…]=PATH, for one group of `age`.

    Raises:
        RulesError: an argument that does not read, a format nobody knows.
        OSError: a list that cannot be read.
    """
    book = load_rulebook(default_directory())
    specs = [_spec(text, allow=False, book=book) for text in blocks]
    specs += [_spec(text, allow=True, book=book) for text in allows]
    texts = {spec.name: ListText(Path(spec.path or "")) for spec in specs}
    sources = []
    urls, hidden = (
        [(spec, texts[spec.name].data) for spec in specs if spec.format == form]
        for form in (ABP_URL, HASHED_URLS)
    )
    for spec in specs:
        if spec.format in (ABP_URL, HASHED_URLS):
            continue
        data = texts[spec.name].data
        if spec.format == AUTO:
            form, _ = detect(data[:_SAMPLE])
            if form is None:
                raise RulesError(f"{spec.path}: looks like no format known here; name it")
        else:
            form = by_name(spec.format)
        sources.append((spec, data, form))
    builder = IndexBuilder(lines=True)
    compiled = compile_lists(sources, builder)
    group = Group(ALONE, ADULT if age is None else age, safe_search=False, bypass_protection=False)
    school = School(groups=(group,), default_group=ALONE, lists=tuple(specs))
    plan = build_plan(school, book, [compiled.table], time.time())
    ages = category_ages(book, school)
    requests = None
    if urls or hidden:
        requests = request_decider(
            compile_abp(urls) if urls else None,
            compile_hashed(hidden) if hidden else None,
            frame_of(school, ages, {}, 0),
        )
    snapshot = Snapshot([builder.finish(compiled.meta)], plan, 1)
    made = snapshot, tuple(compiled.table.classes), requests
    return Decider(lambda _start: made, ages, school.timezone, None, texts)


def _spec(text: str, *, allow: bool, book: RuleBook) -> ListSpec:
    form, options, path = list_argument(text)
    category = options.get("category")
    if category is not None and category not in {each.name for each in book.categories}:
        known = ", ".join(sorted(each.name for each in book.categories))
        raise RulesError(f"unknown category {category!r}; known categories: {known}")
    return ListSpec(
        name=options.get("name") or path,
        format=form,
        path=path,
        allow=allow,
        category=category,
        min_age=int(options["min_age"]) if "min_age" in options else None,
        mandatory="mandatory" in options,
        subdomains="subdomains" in options,
        wide="trusted" in options,
        zone=options.get("zone"),
    )


def list_argument(text: str) -> tuple[str, dict[str, str], str]:
    """Read FORMAT[,OPTION…]=PATH; return format, options (a flag is ""), path. RulesError."""
    options: dict[str, str] = {}
    rest = text
    form, mark = _word(rest)
    rest = rest[len(form) :]
    while mark == ",":
        word, mark = _word(rest[1:])
        rest = rest[1 + len(word) :]
        if word in _FLAGS:
            options[word] = ""
        elif word in _VALUES and mark == "=":
            value, mark = _word(rest[1:])
            rest = rest[1 + len(value) :]
            options[word] = value
        else:
            known = ", ".join(sorted(_FLAGS | {f"{name}=…" for name in _VALUES}))
            raise RulesError(f"{text!r}: unknown option {word!r}; known options: {known}")
    if mark != "=" or not form or not rest[1:]:
        raise RulesError(f"{text!r} is not FORMAT=PATH, such as adblock=list.txt")
    if "min_age" in options and not options["min_age"].isdigit():
        raise RulesError(f"{text!r}: min_age is a number of years")
    return form, options, rest[1:]


def _word(text: str) -> tuple[str, str]:
    """Return `text` up to the next "," or "=", and that mark ("" at the end)."""
    for at, letter in enumerate(text):
        if letter in ",=":
            return text[:at], letter
    return text, ""
