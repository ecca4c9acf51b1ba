"""A plan as text in nft's language, and as a transaction that puts it in force."""

from collections.abc import Iterable, Mapping
from typing import Any

from filterd.gateway.plan import FAMILY, TABLE, Chain, Map, Plan, Rule, Set

Kept = Mapping[str, tuple[str, ...]]
Item = Mapping[str, Any]
_PARTS = ("map", "set", "chain")  # in the order in which they let go of each other
_STEP = "    "


def table(plan: Plan) -> str:
    """Return the table as `nft -f` reads it, for a person to read too."""
    parts = [
        *(_set(each) for each in plan.sets),
        *(_map(each) for each in plan.maps),
        *(_chain(each) for each in _targets_first(plan.chains)),
    ]
    return f"table {FAMILY} {TABLE} {{\n{_shown(parts)}\n}}\n"


def transaction(plan: Plan, kept: Kept | None = None) -> str:
    """Return what replaces the whole table in one step. `kept` are elements, by set, that the old
    table learned and the new one goes on with.
    """
    return removal() + table(plan) + _added(plan, kept or {})


def change(plan: Plan, there: Iterable[Item], old: str, kept: Kept) -> str:
    """Return what makes `plan` of our table in one step without touching what the kernel learned:
    sets that both have alike stay as they are, so nothing that is learned meanwhile is lost.

    `there` is the table as nft lists it, `old` its text when it was applied; `kept` as for
    `transaction`, for learned sets that are made anew.
    """
    have = [(kind, item[kind]["name"]) for item in there for kind in _PARTS if kind in item]
    staying = {
        each.name
        for each in plan.sets
        if each.learned and ("set", each.name) in have and _shown([_set(each)]) in old
    }
    gone = [
        f"delete {kind} {FAMILY} {TABLE} {name}\n"
        for kind in _PARTS
        for each, name in have
        if each == kind and name not in staying
    ]
    others = {name: elements for name, elements in kept.items() if name not in staying}
    head = f"add table {FAMILY} {TABLE}\nflush table {FAMILY} {TABLE}\n"
    return head + "".join(gone) + table(plan) + _added(plan, others)


def removal() -> str:
    """Return what takes the table away, whether it is there or not."""
    return f"add table {FAMILY} {TABLE}\ndelete table {FAMILY} {TABLE}\n"


def _added(plan: Plan, kept: Kept) -> str:
    learned = {each.name for each in plan.sets if each.learned}
    lines = [
        f"add element {FAMILY} {TABLE} {name} {{ {', '.join(elements)} }}\n"
        for name, elements in kept.items()
        if name in learned and elements
    ]
    return "".join(lines)


def _shown(parts: Iterable[Iterable[str]]) -> str:
    return "\n\n".join("\n".join(_STEP + line if line else "" for line in part) for part in parts)


def _targets_first(chains: Iterable[Chain]) -> list[Chain]:
    return sorted(chains, key=lambda each: bool(each.hook))


def _set(each: Set) -> list[str]:
    return [f"set {each.name} {{", *_body(each.lines, each.elements), "}"]


def _map(each: Map) -> list[str]:
    elements = tuple(f"{who} : {where}" for who, where in each.elements)
    return [f"map {each.name} {{", *_body(each.lines, elements), "}"]


def _body(lines: Iterable[str], elements: tuple[str, ...]) -> list[str]:
    body = [_STEP + line for line in lines]
    if len(elements) == 1:
        body.append(f"{_STEP}elements = {{ {elements[0]} }}")
    elif elements:
        rows = [f"{_STEP}{_STEP}{each}," for each in elements]
        body += [f"{_STEP}elements = {{", *rows, f"{_STEP}}}"]
    return body


def _chain(each: Chain) -> list[str]:
    about = [f"{_STEP}# {each.group}"] if each.group else []
    hook = [_STEP + each.hook] if each.hook else []
    return [f"chain {each.name} {{", *about, *hook, *(_STEP + _rule(r) for r in each.rules), "}"]


def _rule(rule: Rule) -> str:
    counter, comment = ("counter", f'comment "{rule.key}"') if rule.key else ("", "")
    return " ".join(filter(None, (rule.match, counter, rule.action, comment)))
