"""The slow, obvious matcher: what rules mean, without index, cache, ranks or anything compiled.

It shares nothing with filterd but the words of `filterd.model`, so where the core and this file
disagree one of them is wrong. Everything is linear in the number of rules and meant to be read.

Step 7 of the precedence list, as `decide` walks it:
1. `$dnsrewrite` rules that no `@@…$dnsrewrite` excuses: a CNAME alone, else an rcode alone, else all
   records of the type asked for;
2. important exceptions, 3. important blocks, 4. exceptions, 5. blocks, 6. rewrites by hosts lines.
Within one of these the most specific pattern is the one reported. RPZ zones are walked by
`decide_zones`: in their order, and within a zone client address, name, answer address.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

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

BLOCKING = {Action.BLOCK, Action.NXDOMAIN, Action.NODATA, Action.DROP, Action.TCP_ONLY}
CNAME = 5


@dataclass(frozen=True)
class Question:
    """Who asks what; `answers` are addresses in the answer, where there is one already."""

    name: str
    qtype: int = 1
    client: str | None = None
    client_name: str | None = None
    tags: frozenset[str] = field(default_factory=frozenset)
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """`kind` is pass, allow, block or rewrite; `rule` is the one that decided."""

    kind: str
    rule: Rule | None = None
    rewrite: Rewrite | None = None


PASS = Outcome("pass")


def under(name: str, top: str) -> bool:
    """Say whether `name` is `top` or below it; everything is under the root ""."""
    if top == "":
        return True
    labels, top_labels = name.split("."), top.split(".")
    return labels[-len(top_labels) :] == top_labels


def name_matches(pattern: NamePattern, name: str) -> bool:
    if pattern.scope is Scope.EXACT:
        return name == pattern.name
    if pattern.scope is Scope.SUBTREE:
        return under(name, pattern.name)
    return name != pattern.name and under(name, pattern.name)


def address_in(address: str | None, network: str) -> bool:
    if address is None:
        return False
    try:
        return ip_address(address) in ip_network(network)
    except (ValueError, TypeError):
        return False


def pattern_matches(pattern: object, question: Question) -> bool:
    if isinstance(pattern, NamePattern):
        return name_matches(pattern, question.name)
    if isinstance(pattern, RegexPattern):
        texts = (question.name, *question.answers)
        return any(re.search(pattern.regex, text) is not None for text in texts)
    assert isinstance(pattern, NetworkPattern)
    if pattern.trigger is Trigger.CLIENT:
        return address_in(question.client, pattern.network)
    return any(address_in(address, pattern.network) for address in question.answers)


def is_client(wanted: str, question: Question) -> bool:
    """Say whether `wanted`, a name, address or network of a `$client`, is who asks."""
    return wanted == question.client_name or address_in(question.client, wanted)


def condition_holds(condition: Condition, question: Question) -> bool:
    if condition.qtypes and question.qtype not in condition.qtypes:
        return False
    if question.qtype in condition.not_qtypes:
        return False
    if condition.clients and not any(is_client(each, question) for each in condition.clients):
        return False
    if any(is_client(each, question) for each in condition.not_clients):
        return False
    if condition.tags and not condition.tags & question.tags:
        return False
    if condition.not_tags & question.tags:
        return False
    return not any(under(question.name, each) for each in condition.denyallow)


def matches(
    rule: Rule,
    name: str,
    qtype: int = 1,
    client: str | None = None,
    client_name: str | None = None,
    tags: Iterable[str] = (),
    answers: Sequence[str] = (),
) -> bool:
    """Say whether `rule` speaks about this question."""
    question = Question(name, qtype, client, client_name, frozenset(tags), tuple(answers))
    return applies(rule, question)


def applies(rule: Rule, question: Question) -> bool:
    return pattern_matches(rule.pattern, question) and condition_holds(rule.condition, question)


def in_force(items: Iterable[Rule | Cancel | Refusal]) -> list[Rule]:
    """Return the rules that no `$badfilter` voids."""
    items = list(items)
    cancelled = [item.rule for item in items if isinstance(item, Cancel)]
    return [item for item in items if isinstance(item, Rule) and item not in cancelled]


def is_dnsrewrite(rule: Rule) -> bool:
    return rule.action is Action.REWRITE and "$" in rule.text and "dnsrewrite" in rule.text


def depth(rule: Rule) -> int:
    """Say how specific the pattern is: labels of a name, bits of a network; a regex is least."""
    if isinstance(rule.pattern, NamePattern):
        return len(rule.pattern.name.split(".")) if rule.pattern.name else 0
    if isinstance(rule.pattern, NetworkPattern):
        return ip_network(rule.pattern.network).prefixlen
    return 0


def excused(rewrite: Rule, exceptions: Sequence[Rule]) -> bool:
    return any(each.rewrite is None or each.rewrite == rewrite.rewrite for each in exceptions)


def together(rewrites: Sequence[Rule], qtype: int) -> Rewrite:
    """Return the one answer that several `$dnsrewrite` rules give."""
    for rule in rewrites:
        if rule.rewrite is not None and rule.rewrite.cname is not None:
            return Rewrite(cname=rule.rewrite.cname)
    for rule in rewrites:
        if rule.rewrite is not None and rule.rewrite.rcode != 0:
            return Rewrite(rcode=rule.rewrite.rcode)
    records: list[Record] = []
    for rule in rewrites:
        if rule.rewrite is not None:
            records += [each for each in rule.rewrite.records if each.rtype in {qtype, CNAME}]
    return Rewrite(records=tuple(dict.fromkeys(records)))  # RFC 2181 section 5: none twice


def decide(items: Iterable[Rule | Cancel | Refusal], question: Question) -> Outcome:
    """Decide `question` by list rules alone (step 7)."""
    rules = [rule for rule in in_force(items) if applies(rule, question)]
    exceptions = [rule for rule in rules if rule.action is Action.UNREWRITE]
    rewrites = [r for r in rules if is_dnsrewrite(r) and not excused(r, exceptions)]
    if rewrites:
        return Outcome("rewrite", rewrites[0], together(rewrites, question.qtype))
    for important in (True, False):
        allows = [r for r in rules if r.action is Action.ALLOW and r.important is important]
        if allows:
            return Outcome("allow", max(allows, key=depth))
        blocks = [r for r in rules if r.action in BLOCKING and r.important is important]
        if blocks:
            return Outcome("block", max(blocks, key=depth))
    lines = [r for r in rules if r.action is Action.REWRITE and not is_dnsrewrite(r)]
    if lines:
        best = max(lines, key=depth)
        return Outcome("rewrite", best, together([best], question.qtype))
    return PASS


def zone_order(rule: Rule) -> tuple[int, int]:
    """Sort the triggers of one zone: client address, exact name, wildcard, answer address; the
    longest first."""
    if isinstance(rule.pattern, NetworkPattern):
        kind = 0 if rule.pattern.trigger is Trigger.CLIENT else 3
    else:
        kind = 1 if rule.pattern == NamePattern(rule.pattern.name, Scope.EXACT) else 2
    return kind, -depth(rule)


def decide_zones(zones: Sequence[Iterable[Rule | Cancel | Refusal]], question: Question) -> Outcome:
    """Decide `question` by response policy zones: the first zone with a trigger that fits."""
    for zone in zones:
        hits = [rule for rule in in_force(zone) if applies(rule, question)]
        if not hits:
            continue
        best = min(hits, key=zone_order)
        if best.action is Action.ALLOW:
            return Outcome("allow", best)
        if best.action is Action.REWRITE:
            return Outcome("rewrite", best, together([best], question.qtype))
        return Outcome("block", best)
    return PASS
