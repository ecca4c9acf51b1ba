"""What the counters of the gateway's table gained between two looks. Pure.

Counters begin again whenever a changed table is applied and when the machine starts. The handles of
table and rules are others then (the kernel counts them up and gives none twice), or the boot is, so
`Look.life` tells.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from filterd.bypass.signals import RULES, Signal

Key = tuple[str, str]  # chain and key of a rule
Tried = Counter[tuple[str, Signal]]  # by group and signal


@dataclass(frozen=True, slots=True)
class Look:
    """Counters at one moment. `life`: a word that is another one once they began again."""

    life: str
    packets: Mapping[Key, int]


def look_at(items: Collection[Mapping[str, Any]], counts: Mapping[Key, int], boot: str) -> Look:
    """Return the look at a table as nft lists it (`items`), with its `counts`; `boot` is the
    machine's boot id.
    """
    tables = [each["table"]["handle"] for each in items if "table" in each]
    rules = [each["rule"]["handle"] for each in items if "rule" in each]
    return Look(f"{boot}/{min(tables, default=0)}/{min(rules, default=0)}", dict(counts))


def gained(before: Look | None, now: Look, groups: Mapping[str, str]) -> Tried:
    """Return what was tried since `before`, by group and signal; `groups` is chain -> group.

    Without an earlier look, or after the counters began again, that is all they show.
    """
    same = before is not None and before.life == now.life
    found: Tried = Counter()
    for (chain, rule), packets in now.packets.items():
        signal, group = RULES.get(rule), groups.get(chain)
        if signal is None or group is None:
            continue
        earlier = before.packets.get((chain, rule), 0) if same and before is not None else 0
        # Less than before in the same life: somebody reset them (nft reset counters).
        more = packets - earlier if packets >= earlier else packets
        if more:
            found[group, signal] += more
    return found
