"""Strict groups: what the core opens for them in the firewall, and the firewall's table watched.

The core puts each address that a strict group is answered with into that group's sets before the
answer leaves. Here it is told which groups and sets; and the table is looked at now and then, for
its counts, and because what was put into a table that somebody has replaced must go into the new.
"""

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from filterd.app.gatehouse import Failures
from filterd.config.schema import Config
from filterd.gateway import live, nft
from filterd.gateway.build import MOST_OPEN, build_plan, resolved_sets
from filterd.gateway.plan import FAMILY, TABLE

if TYPE_CHECKING:
    from filterd.app.node import Node

logger = logging.getLogger(__name__)
LOOK_SECONDS = 15.0
TELL_SECONDS = 60.0  # between two lines of the log about the same
WHY = {
    "denied": "filterd may not change the firewall: it needs CAP_NET_ADMIN",
    "absent": f"the table {FAMILY} {TABLE} or its sets are not there: run `filterd gateway apply`",
    "full": "a set of the firewall stays full: run `filterd gateway remove` and `apply`",
    "failed": "nftables did not take it; restart filterd if it goes on",
    "share": "one client holds a quarter of a set; what it asks for beyond that stays closed",
}


def gate_settings(config: Config) -> str:
    """Return what the core is told: JSON, with no group where this is no gateway."""
    egress = config.gateway.egress
    strict = egress.groups if config.gateway.on else ()
    sets = resolved_sets(config)
    return json.dumps(
        {
            "table": TABLE,
            "groups": {name: sets[name] for name in strict},
            "grace": egress.grace,
            "least": egress.least,
            "most": MOST_OPEN,
        }
    )


def gate_problems(node: "Node") -> list[str]:
    """Return why strict groups may find closed what they were answered with; nothing: all well."""
    if not strict(node.config):
        return []
    house = node.gatehouse
    found = [] if house.problem is None else [f"gateway: {house.problem}"]
    before = house.failures[0] if house.failures else {}
    for why, number in _failures(node).items():
        if number > before.get(why, 0):
            found.append(f"gateway: addresses could not be opened for strict groups: {WHY[why]}")
    return found


def strict(config: Config) -> bool:
    """Say whether there are strict groups."""
    return config.gateway.on and bool(config.gateway.egress.groups)


async def watch_always(node: "Node") -> None:
    """Look at the table now and then."""
    while True:
        await look(node, time.monotonic())
        await asyncio.sleep(LOOK_SECONDS)


async def look(node: "Node", steady: float) -> None:
    """Look at the table once, off the loop; open all again where it is another one than before."""
    house, config = node.gatehouse, node.config
    if not config.gateway.on:
        house.packets, house.table, house.problem, house.problems = {}, None, None, {}
        return
    try:
        items = await asyncio.to_thread(nft.listed, elements=False)
        house.problem = None if items is not None or not strict(config) else WHY["absent"]
        house.problems = {"absent": int(items is None), "unseen": 0}
    except nft.GatewayError as error:
        items, house.problem = None, str(error)
        # Without strict groups the daemon has no right to look, and need not.
        house.problems = {"unseen": 1} if strict(config) else {}
    # Of many clients the plan takes a while to make.
    house.packets = await asyncio.to_thread(_packets, config, items or ())
    table = _number(items or ())
    if strict(config):
        if table is not None and table != house.table:
            await asyncio.to_thread(node.engine.open_again)
        problems = gate_problems(node)
        if problems and (house.told_at is None or steady - house.told_at >= TELL_SECONDS):
            house.told_at = steady
            logger.warning("%s", "; ".join(problems))
        house.failures.append(_failures(node))
    house.table = table


def _packets(config: Config, items: Iterable[live.Item]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    items = tuple(items)
    if items:
        for (group, rule), number in live.by_group(build_plan(config), items).items():
            found.setdefault(group, {})[rule] = number
    return found


def _number(items: Iterable[Mapping[str, Any]]) -> int | None:
    return next((item["table"]["handle"] for item in items if "table" in item), None)


def _failures(node: "Node") -> Failures:
    failures: Failures = node.engine.stats()["gate"]["failures"]
    return failures
