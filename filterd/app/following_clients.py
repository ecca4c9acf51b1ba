"""Clients are followed to where they are: sources are looked at twice a second, and who is
somewhere else is put there. A configuration that was reloaded is taken up here, too.
"""

import asyncio
import time
from pathlib import Path

from filterd.app.accounting import open_doors
from filterd.app.change import Change, attempt
from filterd.app.node import Node
from filterd.app.who_is_who import WhoIsWho
from filterd.config.schema import Config
from filterd.model.client_id import IdKind, kind_of
from filterd.who.registry import lease_files
from filterd.who.sessions import Sessions
from filterd.who.sighting import Source

LOOK_SECONDS = 0.5  # no more than two changes of the clients' map a second
# And no more than a fifth of a processor: a look costs a third of a second where 5,000 devices with
# four addresses each are known by leases, neighbours and RADIUS at once.
RESTS = 4
LONGEST_REST = 2.0


def wanted_ids(config: Config) -> frozenset[str]:
    """Return the ids that have to be looked up."""
    ids = (each for client in config.clients.values() for each in client.ids)
    return frozenset(each for each in ids if kind_of(each) is not IdKind.NETWORK)


async def follow_everybody(node: Node, change: Change) -> None:
    """Follow clients to where they are; does not end."""
    try:
        while True:
            await _keep_up(node)
            if node.who is not None and await asyncio.to_thread(node.who.look, time.time()):
                addresses = node.who.now.addresses
                if addresses != dict(node.ruling.inputs.addresses):
                    work = change.readdress(addresses)
                    await attempt(work, "following clients", node.problems)
            worked = 0.0 if node.who is None else node.who.worked
            await asyncio.sleep(max(LOOK_SECONDS, min(RESTS * worked, LONGEST_REST)))
    finally:
        if node.who is not None:
            node.who.close()
            node.who = None


async def _keep_up(node: Node) -> None:
    """Have the sources be those of the configuration in force."""
    config, wanted = node.config.who, wanted_ids(node.config)
    known = node.who
    if known is not None and known.config is config:
        return
    if known is not None and known.config == config and bool(known.wanted) == bool(wanted):
        known.config, known.wanted, known.stale = config, wanted, True
        return
    sessions = Sessions(config.radius.session) if known is None else known.sessions
    sessions.lasting = config.radius.session
    if known is not None:
        known.close()
    made = WhoIsWho(config, wanted, sessions)
    made.doors = await open_doors(config.radius, sessions, time.time)
    made.sources = await asyncio.to_thread(_sources, made)
    node.who = made


def _sources(who: WhoIsWho) -> tuple[Source, ...]:
    config = who.config
    paths: dict[str, tuple[Path, ...]] = {
        "dnsmasq": config.dnsmasq,
        "kea": config.kea,
        "dhcpd": config.dhcpd,
    }
    found: list[Source] = list(lease_files(paths))
    if config.radius.listen:
        found.append(who.sessions)
    if config.neighbours and (who.wanted or found):
        # pyroute2 is 13 MB and a quarter of a second, which nobody pays who does not need it.
        from filterd.who.netlink import NeighbourSource  # noqa: PLC0415

        found.append(NeighbourSource())
    return tuple(found)
