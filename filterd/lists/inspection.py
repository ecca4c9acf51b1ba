"""Reading one version of a list the way it will be compiled, to say what is in it.

Takes as long as reading that list does, so it runs in a child process (`child.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from filterd.core import Index, IndexBuilder
from filterd.formats.base import Format
from filterd.formats.detect import detect
from filterd.formats.registry import by_name
from filterd.lists.gate import AUTO
from filterd.lists.requests import inspect_requests, kind_of
from filterd.lists.shelf import Caught, Summary
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.model.rule import Action, Condition, Refusal
from filterd.policy.classes import BLOCKING, ClassTable
from filterd.policy.lists_index import compile_lists

_SAMPLE = 64 * 1024  # bytes looked at for likeness
_SAMPLE_LINES = 500


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in a version, with the first refusals."""

    summary: Summary
    refusals: tuple[Refusal, ...] = ()


def format_of(spec: ListSpec, data: bytes) -> Format:
    """Return the format of the list, looking at `data` when it is configured as auto.

    Raises:
        RulesError: no such format, or the lines look like none.
    """
    if spec.format != AUTO:
        return by_name(spec.format)
    found, _ = detect(data[:_SAMPLE])
    if found is None:
        raise RulesError("its lines look like no format known here; set the list's `format`")
    return found


def inspect(spec: ListSpec, data: bytes, names: Sequence[str]) -> Inspection:
    """Read all of `data` and try `names` against its rules.

    Raises:
        RulesError: it cannot be read as a list at all.
    """
    if kind_of(spec) is not None:
        return Inspection(inspect_requests(spec, data, names))
    form = format_of(spec, data)
    builder = IndexBuilder(only=names)
    compiled = compile_lists([(replace(spec, format=form.name), data, form)], builder)
    report = compiled.reports[0]
    summary = Summary(
        format=form.name,
        accepted=report.accepted,
        comments=report.comments,
        refused=report.refused,
        likeness=form.likeness(_sample(data, form.comments)),
        caught=_caught(builder.finish(compiled.meta), compiled.table, names),
    )
    return Inspection(summary, report.refusals)


def _sample(data: bytes, comments: Sequence[bytes]) -> list[str]:
    lines = (line.strip() for line in data[:_SAMPLE].splitlines())
    rules = [line for line in lines if line and not line.startswith(tuple(comments))]
    return [line.decode("utf-8", "replace") for line in rules[:_SAMPLE_LINES]]


def _caught(index: Index, table: ClassTable, names: Sequence[str]) -> tuple[Caught, ...]:
    found = []
    for name in names:
        pattern = None
        for class_id, _, text, _ in index.find(name):
            rule_class = table.classes[class_id]
            if rule_class.action is Action.ALLOW:
                pattern = None
                break
            if rule_class.action in BLOCKING and _holds(rule_class.condition, name):
                pattern = text if pattern is None else pattern
        if pattern is not None:
            found.append(Caught(name, pattern))
    return tuple(found)


def _holds(condition: Condition, name: str) -> bool:
    """Say whether the rule is against everyone who asks for the name's address."""
    if condition.qtypes or condition.clients or condition.tags:
        return False
    return not any(name == free or name.endswith("." + free) for free in condition.denyallow)
