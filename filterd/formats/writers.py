"""Rules written out in another syntax, for `filterd lists convert`.

Only what every resolver can hold is written: plain blocks and exceptions of names. The rest is left
out and counted, as is what the target can only say in part.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from filterd.model.errors import RulesError
from filterd.model.rule import NO_CONDITION, Action, NamePattern, Rule, Scope

Writer = Callable[[str, Scope, bool], tuple[str, ...]]
_BLOCKS = frozenset({Action.BLOCK, Action.NXDOMAIN, Action.NODATA})


def write(rules: Iterable[Rule], target: str, left_out: Counter[str]) -> Iterator[str]:
    """Yield the lines of `rules` in the syntax `target`, a key of `WRITERS`.

    `left_out` is counted up: "not-a-name" (regular expressions, networks, URLs), "condition",
    "important", "action", "exception" and "scope" (the target cannot say it; nothing is written),
    and "subdomains" (the target covers the name alone; written).

    Raises:
        RulesError: no such target.
    """
    writer = WRITERS.get(target)
    if writer is None:
        known = ", ".join(WRITERS)
        raise RulesError(f"cannot write {target!r}; formats that can be written: {known}")
    yield from _PREAMBLES.get(target, ())
    for rule in rules:
        reason = _obstacle(rule)
        if reason is None and isinstance(rule.pattern, NamePattern):
            pattern = rule.pattern
            exception = rule.action is Action.ALLOW
            if exception and target not in _KNOW_EXCEPTIONS:
                reason = "exception"
            else:
                lines = writer(pattern.name, pattern.scope, exception)
                reason = None if lines else "scope"
                if lines and pattern.scope is Scope.SUBTREE and target in _EXACT_ONLY:
                    left_out["subdomains"] += 1
                yield from lines
        if reason is not None:
            left_out[reason] += 1


def _obstacle(rule: Rule) -> str | None:
    if not isinstance(rule.pattern, NamePattern) or not rule.pattern.name:
        return "not-a-name"
    if rule.condition != NO_CONDITION:
        return "condition"
    if rule.important:
        return "important"
    return None if rule.action in _BLOCKS or rule.action is Action.ALLOW else "action"


def _domains(name: str, scope: Scope, exception: bool) -> tuple[str, ...]:  # noqa: FBT001
    del exception
    return () if scope is Scope.BELOW else (name,)


def _hosts(name: str, scope: Scope, exception: bool) -> tuple[str, ...]:  # noqa: FBT001
    del exception
    return () if scope is Scope.BELOW else (f"0.0.0.0 {name}",)


def _subtree_only(before: str) -> Writer:
    def line(name: str, scope: Scope, exception: bool) -> tuple[str, ...]:  # noqa: FBT001
        del exception
        return (f"{before}{name}",) if scope is Scope.SUBTREE else ()

    return line


def _adblock(name: str, scope: Scope, exception: bool) -> tuple[str, ...]:  # noqa: FBT001
    marks = {Scope.EXACT: "|", Scope.SUBTREE: "||", Scope.BELOW: "||*."}
    return (f"{'@@' if exception else ''}{marks[scope]}{name}^",)


def _dnsmasq(name: str, scope: Scope, exception: bool) -> tuple[str, ...]:  # noqa: FBT001
    if scope is Scope.EXACT:
        return ()
    star = "*." if scope is Scope.BELOW else ""
    return (f"server=/{star}{name}/#" if exception else f"local=/{star}{name}/",)


def _rpz(name: str, scope: Scope, exception: bool) -> tuple[str, ...]:  # noqa: FBT001
    target = "rpz-passthru." if exception else "."
    exact, below = f"{name} CNAME {target}", f"*.{name} CNAME {target}"
    return {Scope.EXACT: (exact,), Scope.BELOW: (below,), Scope.SUBTREE: (exact, below)}[scope]


WRITERS: dict[str, Writer] = {
    "domains": _domains,
    "onlydomains": _subtree_only(""),
    "wildcard": _subtree_only("*."),
    "hosts": _hosts,
    "adblock": _adblock,
    "dnsmasq": _dnsmasq,
    "rpz": _rpz,
}
_KNOW_EXCEPTIONS = frozenset({"adblock", "dnsmasq", "rpz"})
_EXACT_ONLY = frozenset({"domains", "hosts"})
_PREAMBLES = {
    "rpz": (
        "$TTL 3600",
        "@ SOA localhost. root.localhost. 1 14400 3600 86400 3600",
        "  NS localhost.",
    )
}
