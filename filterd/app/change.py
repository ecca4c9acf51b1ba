"""One door for every change: verify, then swap, then tell. A fault changes nothing."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from filterd.app import parts
from filterd.app.forwarding import core_routing
from filterd.app.gating import gate_settings
from filterd.app.guarding import guarding
from filterd.app.lists_work import compile_lists, update_lists
from filterd.app.node import Node
from filterd.app.paths import read_config
from filterd.app.ruling import Inputs, Ruling, build_ruling, readdress, reorder, reword
from filterd.app.spoken import Stamps
from filterd.config.schema import Config
from filterd.engine.routing import Routing
from filterd.feed.never import NeverList
from filterd.lists.durable import locked
from filterd.lists.index_store import IndexStore
from filterd.lists.rollback import RolledBack, rollback
from filterd.lists.store import ListStore
from filterd.model.errors import FilterdError, RulesError
from filterd.model.order import Order
from filterd.policy.order_base import OrderBase
from filterd.policy.said import Here, Told, obey
from filterd.upstream.resolver import Resolver

logger = logging.getLogger(__name__)
Tell = Callable[[str, int, int | None], None]  # step, done, total
_FIXED = ("listen", "state_dir", "metrics", "control", "log", "privacy", "cache", "feed", "report")


class Change:
    """Changes a node while it answers. One change at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = asyncio.Lock()

    async def reload(self) -> dict[str, Any]:
        """Read the configuration and the rules again.

        Raises:
            FilterdError: the old configuration and rules stay in force.
        """
        node = self._node
        async with self._lock:
            config, book = await asyncio.to_thread(read_config, node.config_path)
            if node.config_path is None:
                config = node.config  # built-in defaults, perhaps with the demonstration's upstream
            stamps = node.spoken.stamps()
            old_inputs = node.ruling.inputs
            inputs = await asyncio.to_thread(
                parts.current_inputs, config, book, node.paths, old_inputs.lists
            )
            inputs = replace(
                inputs,
                orders=old_inputs.orders,
                base=old_inputs.base,
                never=old_inputs.never,
                addresses=old_inputs.addresses,
            )
            ruling = await asyncio.to_thread(build_ruling, inputs, time.time(), node.generation + 1)
            local = parts.local_data(config)
            old = node.config
            resolver = node.resolver
            moved = config.upstream != old.upstream or config.records != old.records
            loop = asyncio.get_running_loop()
            if config.upstream != old.upstream:
                resolver = Resolver(parts.upstream_settings(config), loop)
            guard = guarding(config, node.paths.state, secrets.token_bytes)
            gate = gate_settings(config)
            routing = core_routing(config)
            # Everything is built; from here nothing can fail.
            node.config, node.book = config, book
            node.put_in_force(ruling)
            node.spoken.seen = stamps
            node.engine.set_guard(guard.settings, guard.secrets)
            node.engine.set_gate(gate)
            if moved:
                # First nobody asks the old servers any more, then what they said is forgotten.
                node.engine.forward(None)
                node.engine.replace(resolver, local)
            if resolver is not node.resolver:
                node.resolver, gone = resolver, node.resolver
                # Questions that are on their way still get their answers.
                loop.call_later(old.upstream.timeout, gone.close)
            if moved:
                _forward(node, routing)
            later = [key for key in _FIXED if getattr(config, key) != getattr(old, key)]
            later += _fixed_limits(old, config)
            later += ["http"] * (config.http.on != old.http.on)
        if later:
            logger.warning("changed, but needs a restart: %s", ", ".join(later))
        return {"generation": node.generation, "needs_restart": later}

    async def rebuild(self, **changed: Any) -> None:
        """Build the ruling anew with other inputs (addresses, lists, overrides) and swap it."""
        async with self._lock:
            inputs: Inputs = replace(self._node.ruling.inputs, **changed)
            number = self._node.generation + 1
            ruling = await asyncio.to_thread(build_ruling, inputs, time.time(), number)
            self._node.put_in_force(ruling)

    async def enforce(self, orders: tuple[Order, ...], base: OrderBase | None = None) -> None:
        """Put orders of authorities in force, in the place of those before."""
        async with self._lock:
            ruling = self._node.ruling
            number = self._node.generation + 1
            made = await asyncio.to_thread(reorder, ruling, orders, base, time.time(), number)
            self._node.put_in_force(made)

    async def protect(self, never: NeverList | None) -> None:
        """Put the feed's core of what is never decrypted in force, None: the package's."""
        async with self._lock:
            ruling = self._node.ruling
            inputs = replace(ruling.inputs, never=never)
            orders, base, number = inputs.orders, inputs.base, self._node.generation + 1
            told = replace(ruling, inputs=inputs)
            made = await asyncio.to_thread(reorder, told, orders, base, time.time(), number)
            self._node.put_in_force(made)

    async def say(
        self, command: str, arguments: Mapping[str, object]
    ) -> dict[str, str | int | None]:
        """Obey a command of `policy/said.py`: on disk, then in force, then told.

        Raises:
            RulesError: it makes no sense here, or cannot be kept; nothing has changed.
        """
        async with self._lock:
            # The disk is slow at times, and queries are answered on this loop.
            ruling, stamps, told = await asyncio.to_thread(self._said, command, arguments)
            self._node.put_in_force(ruling)
            self._node.spoken.seen = stamps
        return {**told, "generation": self._node.generation}

    def _said(self, command: str, arguments: Mapping[str, object]) -> tuple[Ruling, Stamps, Told]:
        node = self._node
        spoken, config, now = node.spoken, node.config, time.time()
        here = Here(ZoneInfo(config.timezone), config.groups, datetime.fromtimestamp(now, UTC))
        try:
            with spoken.changing():
                said = node.ruling.inputs.said
                if spoken.stamps() != spoken.seen:
                    said = spoken.read_to_change(config)
                after, told = obey(command, arguments, said, here)
                ruling = reword(node.ruling, after, now, node.generation + 1)
                return ruling, spoken.write(said, after), told
        except OSError as error:
            why = error.strerror or error
            raise RulesError(f"nothing is changed, it cannot be kept on disk: {why}") from error

    async def listen(self) -> None:
        """Put in force what was written into the files of what is said by command."""
        node = self._node
        stamps = node.spoken.stamps()
        if stamps == node.spoken.seen:
            return
        async with self._lock:
            said = await asyncio.to_thread(node.spoken.read, node.config)
            if said != node.ruling.inputs.said:
                number = node.generation + 1
                ruling = await asyncio.to_thread(reword, node.ruling, said, time.time(), number)
                node.put_in_force(ruling)
            node.spoken.seen = stamps

    async def refresh_lists(self, names: list[str] | None, force: list[str], tell: Tell) -> Any:
        """Fetch, check, compile and put in force; return the outcome of each list."""
        node = self._node
        outcomes = await update_lists(
            node.config,
            node.book,
            node.paths,
            names=names,
            force=force,
            progress=lambda name, done, total: tell(f"fetching {name}", done, total),
        )
        await self.use_lists(tell)
        return outcomes

    async def use_lists(self, tell: Tell) -> None:
        """Compile the lists on disk where needed, and put the result in force."""
        node = self._node
        current = node.ruling.inputs.lists
        done = await compile_lists(
            node.config,
            node.book,
            node.paths,
            known=current,
            progress=lambda name, done, total: tell(f"compiling {name}", done, total),
        )
        for problem in done.problems:
            logger.warning("lists: %s", problem)
        if current is None or current.generation.number != done.generation.number:
            loaded = await asyncio.to_thread(IndexStore(node.paths.state).load)
            await self.rebuild(lists=loaded)

    async def roll_back(self) -> dict[str, Any]:
        """Put the rules before in force again."""
        node = self._node
        back = await asyncio.to_thread(_rolled_back, node.paths.state)
        loaded = await asyncio.to_thread(IndexStore(node.paths.state).load)
        await self.rebuild(lists=loaded)
        return {"index": back.generation.number, "lists": back.lists, "kept": back.kept}

    async def readdress(self, addresses: Mapping[str, tuple[str, ...]]) -> None:
        """Have clients be at `addresses` (id -> addresses) from the next query on."""
        async with self._lock:
            made = await asyncio.to_thread(readdress, self._node.ruling, addresses)
            self._node.put_in_force(made)


def _forward(node: Node, routing: Routing | None) -> None:
    try:
        node.engine.forward(routing)
    except OSError as error:
        # Python asks them instead, at a higher price.
        logger.error("the core cannot forward: %s", error)  # noqa: TRY400


def _fixed_limits(old: Config, new: Config) -> list[str]:
    """Return the keys of `upstream` that changed and are read at the start only."""
    keys = ("max_waiting", "zone_rate")
    changed = (key for key in keys if getattr(new.upstream, key) != getattr(old.upstream, key))
    return [f"upstream.{key}" for key in changed]


def _rolled_back(state: Path) -> RolledBack:
    with locked(state):
        return rollback(ListStore(state), IndexStore(state))


async def attempt(change: Any, what: str, problems: dict[str, str]) -> bool:
    """Await a change; a fault is logged and remembered under `what`, the old state stays."""
    try:
        await change
    except (FilterdError, OSError) as error:
        problems[what] = str(error)
        logger.error("%s failed, what was in force stays: %s", what, error)  # noqa: TRY400
        return False
    problems.pop(what, None)
    return True
