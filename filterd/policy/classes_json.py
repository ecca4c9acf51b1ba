"""A class table as JSON: the `meta` of a compiled index.

Only what differs from the default is written. Reading is strict: a field or value that this
version does not know makes the index unusable, because a dropped condition would widen a rule.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from filterd.model.errors import RulesError
from filterd.model.rule import NO_CONDITION, Action, Condition, Record, Rewrite
from filterd.policy.classes import ClassTable, Origin, RuleClass

VERSION = 1
_DEFAULTS = {f.name: f.default for f in fields(RuleClass)}


def write_meta(table: ClassTable, extra: Mapping[str, object] | None = None) -> str:
    """Return the JSON for an index's `meta`; `extra` is kept beside the classes for readers."""
    classes = [_class_out(rule_class) for rule_class in table.classes]
    document = {"version": VERSION, **(extra or {}), "classes": classes}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def read_meta(meta: str) -> ClassTable:
    """Read the classes back.

    Raises:
        RulesError: not our JSON, another version, or a field this version does not know.
    """
    try:
        document = json.loads(meta)
        version = document["version"]
        if version != VERSION:
            raise RulesError(
                f"the index was compiled by another version ({version}, this is {VERSION}): "
                "compile the lists again"
            )
        table = ClassTable()
        for entry in document["classes"]:
            table.intern(_class_in(entry))
        count = len(document["classes"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RulesError(
            f"the index's description of its classes is damaged ({error}): compile the lists again"
        ) from error
    if len(table) != count:
        raise RulesError("the index names a class twice: compile the lists again")
    return table


def _class_out(rule_class: RuleClass) -> dict[str, object]:
    out: dict[str, object] = {}
    for name, default in _DEFAULTS.items():
        value = getattr(rule_class, name)
        if value == default:
            continue
        if isinstance(value, Condition):
            out[name] = {
                f.name: sorted(part) for f in fields(value) if (part := getattr(value, f.name))
            }
        elif isinstance(value, Rewrite):
            out[name] = rewrite_out(value)
        else:
            out[name] = sorted(value) if isinstance(value, frozenset) else value
    return out


def rewrite_out(rewrite: Rewrite) -> dict[str, object]:
    """Return a rewrite as the JSON that plans use too."""
    records = [[record.rtype, record.rdata] for record in rewrite.records]
    return {"rcode": rewrite.rcode, "cname": rewrite.cname, "records": records}


def _class_in(entry: dict[str, Any]) -> RuleClass:
    known = dict(entry)
    known["origin"] = Origin(known["origin"])
    known["action"] = Action(known.get("action", Action.BLOCK))
    condition = known.pop("condition", None)
    rewrite = known.pop("rewrite", None)
    groups = known.pop("groups", None)
    return RuleClass(
        **known,
        condition=NO_CONDITION if condition is None else _condition_in(condition),
        rewrite=None if rewrite is None else _rewrite_in(rewrite),
        groups=None if groups is None else frozenset(groups),
    )


def _condition_in(entry: dict[str, list[Any]]) -> Condition:
    return Condition(**{name: frozenset(part) for name, part in entry.items()})


def _rewrite_in(entry: dict[str, Any]) -> Rewrite:
    records = tuple(Record(rtype, rdata) for rtype, rdata in entry["records"])
    return Rewrite(rcode=entry["rcode"], records=records, cname=entry["cname"])
