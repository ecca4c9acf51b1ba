"""A plan as text in nft's language, and as a transaction that puts it in force."""

from collections.abc import Iterable, Mapping

from filterd.gateway.plan import FAMILY, TABLE, Chain, Map, Plan, Rule, Set

Kept = Mapping[str, tuple[str, ...]]
_STEP = "    "


def table(plan: Plan) -> str:
    """Return the table as `nft -f` reads it, for a person to read too."""
    parts = [
        *(_set(each) for each in plan.sets),
        *(_map(each) for each in plan.maps),
        *(_chain(each) for each in _targets_first(plan.chains)),
    ]
    body = "\n\n".join("\n".join(_STEP + line if line else "" for line in part) for part in parts)
    return f"table {FAMILY} {TABLE} {{\n{body}\n}}\n"


def transaction(plan: Plan, kept: Kept | None = None) -> str:
    """Return what replaces the whole table in one step. `kept` are elements, by set, that the old
    table learned and the new one goes on with.
    """
    learned = {each.name for each in plan.sets if each.learned}
    lines = [
        f"add element {FAMILY} {TABLE} {name} {{ {', '.join(elements)} }}\n"
        for name, elements in (kept or {}).items()
        if name in learned and elements
    ]
    return removal() + table(plan) + "".join(lines)


def removal() -> str:
    """Return what takes the table away, whether it is there or not."""
    return f"add table {FAMILY} {TABLE}\ndelete table {FAMILY} {TABLE}\n"


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
