"""Small schools for tests, decided by a plan: by the plain evaluator or by the real core."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from filterd import core
from filterd.formats.base import Shape
from filterd.model.group import Category, Group, ListSpec, RuleBook, School
from filterd.model.rule import (
    Action,
    Cancel,
    Condition,
    NamePattern,
    NetworkPattern,
    Record,
    Refusal,
    RegexPattern,
    Rewrite,
    Rule,
    Scope,
    Trigger,
)
from filterd.policy.lists_index import compile_lists
from filterd.policy.overlay import add_overlay
from filterd.policy.own_index import NO_NAMES, add_own
from filterd.policy.plan import DEFAULT_OPTIONS, build_plan
from tests.support.plan_eval import FakeBuilder, Outcome, PlanEval

NOW = int(datetime(2026, 9, 7, 2, 0, tzinfo=UTC).timestamp())  # Monday 09:00 in Hanoi
EMPTY_BOOK = RuleBook((), (), (), (), (), (), (), ())
BOOK = replace(
    EMPTY_BOOK,
    categories=(Category("adult", 18), Category("games", 12), Category("illegal", 255)),
)


class WordFormat:
    """`[words] pattern`: words are actions, `important`, `not-a`, `$dnsrewrite`, `void`; a
    pattern is a name, `=name` (exact), `/regex/` or `@network`. Plain names are a shape."""

    name = "words"
    title = "for tests"
    comments = (b"#",)

    def __init__(self, name="words", *, shaped=True):
        self.name = name
        self.shaped = shaped

    def shapes(self, data, options):
        return (Shape(b"", b"", Scope.SUBTREE),) if self.shaped else ()

    def reader(self, options):
        return WordReader()

    def likeness(self, sample):
        return 0.0


class WordReader:
    def read(self, line, text):
        *words, pattern = text.split()
        if pattern == "bad":
            return [Refusal(line, text, "bad-line: the word says so")]
        action, rewrite = Action.BLOCK, None
        for word in words:
            if word in set(Action):
                action = Action(word)
        if action is Action.REWRITE:
            rewrite = Rewrite(records=(Record(1, "192.0.2.7"),))
        condition = Condition(not_qtypes=frozenset({1})) if "not-a" in words else Condition()
        rule = Rule(
            self.pattern(pattern), action, "important" in words, condition, rewrite, line, text
        )
        return [Cancel(rule)] if "void" in words else [rule]

    def pattern(self, text):
        if text.startswith("/"):
            return RegexPattern(text[1:-1])
        if text.startswith("@"):
            return NetworkPattern(text[1:], Trigger.ANSWER)
        if text.startswith("="):
            return NamePattern(text[1:], Scope.EXACT)
        return NamePattern(text, Scope.SUBTREE)

    def finish(self):
        return []


@dataclass
class World:
    """A school with its lists, compiled as the application does."""

    groups: tuple = (Group("g", 15),)
    book: RuleBook = BOOK
    lists: dict = field(default_factory=dict)  # ListSpec -> text
    school: dict = field(default_factory=dict)  # further fields of School
    now: float = NOW
    node: object = NO_NAMES
    options: object = DEFAULT_OPTIONS
    formats: dict = field(default_factory=dict)  # list name -> Format

    def build(self, builder=FakeBuilder):
        school = School(
            groups=tuple(self.groups),
            default_group=self.groups[0].name,
            lists=tuple(self.lists),
            **self.school,
        )
        lists_builder, own_builder, overlay_builder = builder(), builder(), builder()
        sources = [
            (spec, text.encode(), self.formats.get(spec.name, WordFormat()))
            for spec, text in self.lists.items()
        ]
        self.compiled = compile_lists(sources, lists_builder)
        own = add_own(own_builder, school, self.book, self.node)
        overlay = add_overlay(overlay_builder, school, self.now)
        self.value, self.layers = school, [self.compiled.table, own, overlay]
        self.plan = build_plan(school, self.book, self.layers, self.now, self.options)
        return lists_builder, own_builder, overlay_builder

    @property
    def classes(self):
        return [rule for table in self.layers for rule in table.classes]


class Plain:
    """Decides with the evaluator of tests/support."""

    name = "evaluator"

    def __init__(self, world):
        self.world = world
        builders = world.build()
        self.eval = PlanEval(world.plan, builders)

    def decide(self, name, group="g", qtype=1, at=None):
        at = self.world.now if at is None else at
        return self.eval.decide(group, name, qtype, at)


class Core:
    """Decides with the compiled core."""

    name = "core"

    def __init__(self, world):
        self.world = world
        builders = world.build(core.IndexBuilder)
        indexes = [builder.finish("{}") for builder in builders]
        self.snapshot = core.Snapshot(indexes, world.plan, 1)

    def decide(self, name, group="g", qtype=1, at=None):
        at = self.world.now if at is None else at
        d = self.snapshot.decide(name, qtype, float(at), group=group)
        return Outcome(d.kind, d.step, d.class_id, d.pattern, d.action)


def list_spec(name, **fields):
    return ListSpec(name, "words", **fields)
