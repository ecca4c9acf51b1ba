"""From numbers of the core and the floors to values that report and metrics understand."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from filterd.model.event import Event
from filterd.model.verdict import Kind, Step
from filterd.report.privacy import Count, public_pattern

_DOORS = ("udp", "tcp", "dot", "doh")
_KINDS = {kind.value: kind for kind in Kind}
_STEPS = {step.value: step for step in Step}
# (generation, class) -> (list, category); None where that is not known any more.
NamesOf = Callable[[int, int], tuple[str | None, str | None] | None]


def events_of(rows: Iterable[Sequence[Any]], names_of: NamesOf) -> list[Event]:
    """Return the core's event rows as values."""
    events = []
    for row in rows:
        at, client, qname, qtype, kind, step, class_id, group, pattern, door, rcode, made = row
        names = names_of(made, class_id) if class_id >= 0 else None
        source, category = names if names is not None else (None, None)
        events.append(
            Event(
                at=at,
                client=client,
                qname=qname,
                qtype=qtype,
                kind=_KINDS[kind],
                step=_STEPS[step],
                list=source,
                rule=pattern or None,
                category=category,
                group=group,
                door=_DOORS[door],
                rcode=rcode,
            )
        )
    return events


def counts_of(rows: Iterable[Sequence[Any]], names_of: NamesOf) -> list[Count]:
    """Return the core's rows of counts as values, without the bits of clients."""
    counts = []
    for slot, kind, step, class_id, group, pattern, n, generation, _clients in rows:
        names = names_of(generation, class_id) if class_id >= 0 else None
        source, category = names if names is not None else (None, None)
        counts.append(
            Count(
                slot=slot,
                group=group,
                kind=_KINDS[kind],
                step=_STEPS[step],
                list=source,
                category=category,
                rule=public_pattern(pattern or None),
                n=n,
            )
        )
    return counts
