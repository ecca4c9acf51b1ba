"""How lists of rules about requests stand for each group, and from when: rows of ranks.

Timetables are worked out ahead as for the index, in the same frame, so a worker needs no calendar:
it looks up the turn and takes its row. As plain values it is JSON.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterd.model.rule import Action
from filterd.policy.abp_rules import Row, row_of
from filterd.policy.classes import RuleClass
from filterd.policy.precedence import NOT_APPLICABLE
from filterd.policy.segments import Frame, LayerRanks


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows and when each holds: for a group, `starts` in unix seconds, in order, the first of them
    0, and the places in `rows` from then on.
    """

    rows: tuple[Row, ...]
    groups: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    def row(self, group: str, now: float) -> Row:
        """Return what holds for `group` at `now`. KeyError: no such group."""
        starts, places = self.groups[group]
        if len(places) == 1:
            return self.rows[places[0]]
        return self.rows[places[max(0, bisect_right(starts, now) - 1)]]


def standing_of(classes: Sequence[RuleClass], frame: Frame) -> Standing:
    """Return how `classes` stand in the groups of `frame`. The exceptions of a mandatory list are
    nobody's.
    """
    ranks = LayerRanks(frame, classes)
    groups = {
        member.policy.group.name: (
            tuple(turn.start for turn in member.turns),
            tuple(ranks.number(number, turn.phase, turn.start) for turn in member.turns),
        )
        for number, member in enumerate(frame.members)
    }
    nobodys = [rule.mandatory and rule.action is Action.ALLOW for rule in classes]
    rows = []
    for text in ranks.rows:
        given = [int(rank) for rank in text.split(",") if rank]
        rows.append(
            row_of(
                NOT_APPLICABLE if void else rank for rank, void in zip(given, nobodys, strict=True)
            )
        )
    return Standing(tuple(rows), groups)


def standing_out(standing: Standing) -> dict[str, Any]:
    """Return it as JSON."""
    return {
        "rows": [row.ranks for row in standing.rows],
        "groups": {name: list(zip(*turns, strict=True)) for name, turns in standing.groups.items()},
    }


def standing_in(said: Mapping[str, Any], size: int) -> Standing:
    """Read what `standing_out` gave, for `size` classes.

    Raises:
        ValueError, KeyError, TypeError: something else.
    """
    rows = tuple(row_of(map(int, ranks)) for ranks in said["rows"])
    if any(len(row.ranks) != size for row in rows):
        raise ValueError("rows of ranks that do not fit their classes")
    groups = {}
    for name, turns in said["groups"].items():
        starts, places = tuple(int(start) for start, _ in turns), tuple(int(at) for _, at in turns)
        if not places or not all(0 <= place < len(rows) for place in places):
            raise ValueError(f"no rows for group {name}")
        groups[name] = (starts, places)
    return Standing(rows, groups)
