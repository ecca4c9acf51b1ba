"""The rules of the configuration and the rule book as one small index, rebuilt when they change.

It holds a few thousand patterns, so building it takes milliseconds. What is said by command, many
times a day perhaps, has an index of its own (`overlay.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from filterd.model.group import RuleBook, School
from filterd.model.rule import Action, Condition, Rewrite, Scope, Trigger
from filterd.policy.builder import Builder
from filterd.policy.classes import ClassTable, Origin, RuleClass

# RFC 6890 and its updates: addresses that no public name has reason to point at.
PRIVATE_NETWORKS = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::/128",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
_V4_MAPPED = "::ffff:{}/{}"
# Names that are private by definition (RFC 6761, 6762, 8375) may point at private addresses.
PRIVATE_NAMES = ("home.arpa", "internal", "lan", "local", "localhost")
# A, CNAME, AAAA, SVCB, HTTPS: what a browser asks. Others (TXT, MX of an apex) stay as they are.
_BROWSING = frozenset({1, 5, 28, 64, 65})


@dataclass(frozen=True, slots=True)
class NodeNames:
    """Names that this node's configuration gives a meaning.

    `zones`, with their subdomains, have private answers on purpose (conditional forwarding);
    `needs` are single names the node itself cannot do without (list servers): must-not-block.
    """

    zones: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


NO_NAMES = NodeNames()


def add_own(
    builder: Builder, school: School, rulebook: RuleBook, node: NodeNames = NO_NAMES
) -> ClassTable:
    """Add the configuration's and the rule book's rules to `builder`; return their classes."""
    table = ClassTable()
    _must_not_block(builder, table, rulebook, node)
    _local(builder, table, school)
    _services(builder, table, school, rulebook)
    _rulebook(builder, table, rulebook)
    if school.rebind_protection:
        _rebind(builder, table, [*PRIVATE_NAMES, *school.rebind_exceptions, *node.zones])
    return table


def _must_not_block(
    builder: Builder, table: ClassTable, rulebook: RuleBook, node: NodeNames
) -> None:
    rule = RuleClass(Origin.MUST_NOT_BLOCK, Action.ALLOW)
    _subtrees(builder, table, rule, rulebook.must_not_block)
    for name in node.needs:
        # A public DNS service that is our upstream is reached by its bootstrapped address, and
        # must not become the one that every pupil may use past the filter.
        if not any(name == each or name.endswith(f".{each}") for each in rulebook.bypass):
            builder.add_name(name, Scope.EXACT, table.intern(rule))


def _local(builder: Builder, table: ClassTable, school: School) -> None:
    """Add local allow and block. Names that the same groups name share a class."""
    allow = [(group.name, group.allow) for group in school.groups]
    block = [(group.name, group.block) for group in school.groups]
    for origin, action, everyone, by_group in (
        (Origin.LOCAL_ALLOW, Action.ALLOW, school.allow, allow),
        (Origin.LOCAL_BLOCK, Action.BLOCK, school.block, block),
    ):
        _subtrees(builder, table, RuleClass(origin, action), everyone)
        wanted: dict[str, set[str]] = {}
        for group, names in by_group:
            for name in names:
                wanted.setdefault(name, set()).add(group)
        for name, groups in wanted.items():
            rule = RuleClass(origin, action, groups=frozenset(groups))
            _subtrees(builder, table, rule, [name])


def _services(builder: Builder, table: ClassTable, school: School, rulebook: RuleBook) -> None:
    allowed = frozenset().union(*(group.allow_services for group in school.groups))
    for service in rulebook.services:
        block = RuleClass(Origin.SERVICE, category=service.category, service=service.name)
        _subtrees(builder, table, block, service.names)
        if service.name in allowed:
            allow = RuleClass(Origin.SERVICE, Action.ALLOW, service=service.name)
            _subtrees(builder, table, allow, service.names)


def _rulebook(builder: Builder, table: ClassTable, rulebook: RuleBook) -> None:
    for name, category in rulebook.demo:
        _subtrees(builder, table, RuleClass(Origin.DEMO, category=category), [name])
    for search in rulebook.safe_search:
        rule = RuleClass(
            Origin.SAFE_SEARCH,
            Action.REWRITE,
            condition=Condition(qtypes=_BROWSING),
            rewrite=Rewrite(cname=search.target),
            kind=search.kind,
        )
        class_id = table.intern(rule)
        for name in search.names:
            # A name that is its own target would send the question round in a circle.
            if name != search.target:
                builder.add_name(name, Scope.EXACT, class_id)
    canary = RuleClass(Origin.CANARY, Action.NXDOMAIN)
    for name in rulebook.canaries:
        builder.add_name(name, Scope.EXACT, table.intern(canary))
    _subtrees(builder, table, RuleClass(Origin.BYPASS), rulebook.bypass)


def _rebind(builder: Builder, table: ClassTable, exceptions: Iterable[str]) -> None:
    condition = Condition(denyallow=frozenset(exceptions))
    class_id = table.intern(RuleClass(Origin.REBIND, Action.NODATA, condition=condition))
    for network in PRIVATE_NETWORKS:
        builder.add_network(network, Trigger.ANSWER, class_id)
        if ":" not in network:
            address, length = network.split("/")
            mapped = _V4_MAPPED.format(address, 96 + int(length))
            builder.add_network(mapped, Trigger.ANSWER, class_id)


def _subtrees(builder: Builder, table: ClassTable, rule: RuleClass, names: Iterable[str]) -> None:
    for name in names:
        builder.add_name(name, Scope.SUBTREE, table.intern(rule))
