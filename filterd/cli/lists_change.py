"""`filterd lists update|rollback`: changing, on disk and in the daemon if it runs."""

import argparse
import asyncio
import json
import os

from filterd.app.lists_work import compile_lists, update_lists
from filterd.app.owner import become_owner
from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Exit, paint
from filterd.cli.progress import Progress
from filterd.control.client import NobodyError, call
from filterd.lists.durable import locked
from filterd.lists.index_store import IndexStore
from filterd.lists.rollback import rollback
from filterd.lists.store import ListStore
from filterd.lists.wanted import Kind, Outcome
from filterd.model.errors import RulesError

_STYLES = {Kind.UPDATED: "green", Kind.UNCHANGED: "dim", Kind.HELD: "yellow", Kind.FAILED: "red"}


def update(args: argparse.Namespace) -> int:
    """Fetch, check, compile; exit status 1 when a list was held back or failed."""
    config, book = read_config(config_path(args.config, os.environ))
    paths = Paths.of(config, os.environ)
    unknown = [name for name in args.names if name not in config.lists]
    if unknown:
        known = ", ".join(config.lists) or "none"
        raise RulesError(f"no list is called {unknown[0]!r}; configured lists: {known}")
    names = args.names or list(config.lists)
    become_owner(paths)

    async def work() -> tuple[Outcome, ...]:
        with Progress("fetching") as bar:
            outcomes = await update_lists(
                config,
                book,
                paths,
                names=names,
                force=names if args.force else (),
                progress=lambda name, done, total: bar.at(done, total, f"fetching {name}"),
            )
        with Progress("compiling") as bar:
            await compile_lists(
                config,
                book,
                paths,
                progress=lambda name, done, total: bar.at(done, total, f"compiling {name}"),
            )
        return outcomes

    outcomes = asyncio.run(work())
    running = _tell_daemon(paths)
    if args.json:
        rows = [
            {
                "name": o.name,
                "outcome": o.kind.value,
                "reasons": o.reasons,
                "rules": o.summary.accepted if o.summary else 0,
                "refused": dict(o.summary.refused) if o.summary else {},
            }
            for o in outcomes
        ]
        print(json.dumps({"lists": rows, "generation": running}, ensure_ascii=False))
    else:
        for outcome in outcomes:
            _show(outcome)
        print(
            f"in force: generation {running}"
            if running is not None
            else "no daemon is running; `filterd serve` will use these lists"
        )
    good = all(o.kind in {Kind.UPDATED, Kind.UNCHANGED} for o in outcomes)
    return Exit.OK if good else Exit.PROBLEM


def _show(outcome: Outcome) -> None:
    word = paint(f"{outcome.kind.value:<9}", _STYLES[outcome.kind])
    rules = f"{outcome.summary.accepted:,} rules in use" if outcome.summary else "nothing in use"
    print(f"{outcome.name:<20} {word} {rules}")
    for reason in outcome.reasons:
        print(f"    {reason}")
    if outcome.kind is Kind.HELD:
        command = f"filterd lists update {outcome.name} --force"
        print(f"    the version before stays; to accept this one: {command}")


def roll_back(args: argparse.Namespace) -> int:
    """Go back to the rules before."""
    config, _ = read_config(config_path(args.config, os.environ))
    paths = Paths.of(config, os.environ)
    become_owner(paths)
    try:
        done = call(paths.control, "lists-rollback")
    except NobodyError:
        with locked(paths.state):
            back = rollback(ListStore(paths.state), IndexStore(paths.state))
        done = {"index": back.generation.number, "lists": back.lists, "generation": None}
    if args.json:
        print(json.dumps(done, ensure_ascii=False))
        return Exit.OK
    lists = ", ".join(done["lists"]) or "no list changed"
    print(f"back at index {done['index']} ({lists})")
    if done["generation"] is not None:
        print(f"in force: generation {done['generation']}")
    return Exit.OK


def _tell_daemon(paths: Paths) -> int | None:
    """Have a running daemon take the new lists; None where none runs."""
    try:
        return int(call(paths.control, "reload", timeout=900.0)["generation"])
    except NobodyError:
        return None
