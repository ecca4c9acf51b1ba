"""The core's own forwarding as the node sees it: what it is told, what it has counted, and what
the resolver in Python finds out for it.
"""

import logging
from collections.abc import Mapping
from typing import Any

from filterd.app.node import Node
from filterd.app.parts import upstream_settings
from filterd.config.schema import Config
from filterd.engine.routing import Routing, case_lost, changes, merged, routing

logger = logging.getLogger(__name__)

NOTHING: Mapping[str, Any] = {"servers": {}}


def core_routing(config: Config) -> Routing | None:
    """Return what the core forwards by itself, if anything."""
    return routing(
        upstream_settings(config),
        [record.name for record in config.records],
        deadline=config.upstream.timeout,
        stale_wait=config.cache.stale.wait,
    )


def upstream_stats(node: Node) -> dict[str, Any]:
    """Return the numbers of all that is asked upstream, from Python and from the core."""
    stats = node.resolver.stats()
    core = node.engine.forwarding()
    return stats if core is None else merged(stats, core)


def look_after(node: Node, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Log whose health has changed since `before`, which is what the last call returned (NOTHING at
    first), and tell the core which servers lose letter case.
    """
    core = node.engine.forwarding()
    if core is None:
        return NOTHING
    for level, line in changes(before, core):
        logger.log(level, "%s", line)
    for server in case_lost(core["servers"], node.resolver.stats()):
        node.engine.loses_case(server)
    return core
