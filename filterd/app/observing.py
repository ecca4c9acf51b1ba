"""From numbers of the core and the floors to values that report and metrics understand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterd.app.ruling import Ruling
from filterd.lists.status import ListStatus, State
from filterd.metrics.sources import ServerState
from filterd.model.event import Event
from filterd.model.verdict import Kind, Step
from filterd.policy.classes import Origin, RuleClass

_DOORS = ("udp", "tcp", "dot", "doh")


def source_of(rule: RuleClass) -> str:
    """Return the word for where a rule comes from: its list, service, or kind."""
    if rule.origin is Origin.LIST:
        return rule.list
    if rule.service is not None:
        return f"service:{rule.service}"
    return rule.origin.value


def events_of(rows: Iterable[Sequence[Any]], ruling: Ruling) -> list[Event]:
    """Return the core's event rows as values; classes are those of `ruling`."""
    events = []
    for at, client, qname, qtype, kind, step, class_id, group, pattern, door, rcode in rows:
        rule = ruling.classes[class_id] if 0 <= class_id < len(ruling.classes) else None
        events.append(
            Event(
                at=at,
                client=client,
                qname=qname,
                qtype=qtype,
                kind=Kind(kind),
                step=Step(step),
                list=source_of(rule) if rule is not None else None,
                rule=pattern or None,
                category=rule.category if rule is not None else None,
                group=group,
                door=_DOORS[door],
                rcode=rcode,
            )
        )
    return events


def hits_of(
    stats: Mapping[str, Any], ruling: Ruling
) -> Iterator[tuple[str | None, str | None, int]]:
    """Yield (list, category, decisions) for each class that decided."""
    for _layer, class_id, count in stats.get("hits", ()):
        if 0 <= class_id < len(ruling.classes):
            rule = ruling.classes[class_id]
            yield source_of(rule), rule.category, count


def servers_of(stats: Mapping[str, Any]) -> Iterator[ServerState]:
    """Yield the state of each upstream server."""
    for name, server in stats.get("servers", {}).items():
        rtt = server["rtt"]
        dropped = server["dropped"]
        yield ServerState(
            name=name,
            queries=server["queries"],
            failures=server["failures"],
            spoofed=sum(count for _, count in dropped.items()),
            latency=tuple((float(b), n) for b, n in rtt["buckets"] if b != "+Inf"),
            answers=server["answers"],
            seconds=rtt["sum"],
        )


@dataclass(frozen=True, slots=True)
class ListNumbers:
    """A list as metrics see it."""

    name: str
    rules: int
    refused: Mapping[str, int]
    fetched_at: float | None
    problem: str | None


def lists_of(states: Iterable[ListStatus]) -> Iterator[ListNumbers]:
    """Yield the state of each list."""
    for state in states:
        problem = "; ".join(state.why) if state.state is not State.OK else None
        yield ListNumbers(
            state.name, state.entries, dict(state.refused), state.fetched_at, problem or None
        )
