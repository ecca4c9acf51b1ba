"""`filterd hub status|orders|nodes|late|audit`: the hub's books, read straight from its database.

Exit status 1 where something is late or wrong, so that a script can watch it.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from filterd.cli import hub_tables
from filterd.cli.base import Exit, add_json
from filterd.cli.times import ZONE, UnreadableError, span

if TYPE_CHECKING:
    from filterd.hub.compliance import Look

Json = Any
Show = Callable[[Any, hub_tables.Clock], list[str]]

EXAMPLES = {
    "status": """\
  filterd hub status -c hub.yaml
  filterd hub status --database sqlite:////var/lib/filterd/hub.db --province north --json
""",
    "orders": """\
  filterd hub orders                          the newest, with how they are enforced
  filterd hub orders ministry/2026-17         one, with the times of each node
  filterd hub orders --late-after 1m --json
""",
    "nodes": """\
  filterd hub nodes --province north --limit 50
""",
    "late": """\
  filterd hub late                            nodes, reports and names that need somebody
  filterd hub late --late-after 1h --json || echo "somebody is late"
""",
    "audit": """\
  filterd hub audit --limit 20                the newest, after the chain was verified
""",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommands."""
    for name, about, run in (
        ("status", "how the whole stands", _status),
        ("orders", "orders, and how they are enforced", _orders),
        ("nodes", "the nodes that are enrolled", _nodes),
        ("late", "what needs somebody: late and silent nodes, broken reports, overblocking", _late),
        ("audit", "who did what, its chain verified", _audit),
    ):
        parser = commands.add_parser(
            name,
            help=about,
            description=about[0].upper() + about[1:] + ".",
            epilog=f"examples:\n{EXAMPLES[name]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == "orders":
            parser.add_argument(
                "order", nargs="?", metavar="AUTHORITY/ID", help="this one, node by node"
            )
        if name in {"orders", "nodes", "late", "audit"}:
            usual = 50 if name == "orders" else 1000
            parser.add_argument(
                "--limit", type=int, default=usual, metavar="N", help=f"rows (default: {usual})"
            )
        add_where(parser)
        add_json(parser)
        parser.set_defaults(run=run)


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add what says where the books are, and which part of them is wanted."""
    from filterd.cli.hub import add_hub_config  # noqa: PLC0415 - it asks for this module

    add_hub_config(parser)
    parser.add_argument("--database", metavar="URL", help="instead of the configuration's")
    parser.add_argument("--province", metavar="P", help="only nodes of this province")
    parser.add_argument(
        "--late-after",
        metavar="LENGTH",
        help="late: not enforced for so long (default: the configuration's, 15m)",
    )
    parser.add_argument(
        "--silent-after",
        metavar="LENGTH",
        help="silent: not heard of for so long (default: the configuration's, 1h)",
    )
    parser.add_argument(
        "--window", metavar="LENGTH", help="how far back checks are looked at (default: 1d)"
    )
    parser.add_argument(
        "--timezone", metavar="ZONE", default=ZONE, help=f"of the times shown (default: {ZONE})"
    )


@contextmanager
def looking(args: argparse.Namespace) -> "Iterator[Look]":
    """Give a look at the books that the command line names. DatabaseError, ConfigError."""
    from filterd.config.hub import load_hub  # noqa: PLC0415 - nor for pydantic
    from filterd.hub.compliance import Look, Terms  # noqa: PLC0415 - --help must not wait for SQL
    from filterd.hub.database import open_database  # noqa: PLC0415
    from filterd.hub.fleet import has_province  # noqa: PLC0415

    address, usual = args.database, Terms()
    if address is None:
        config = load_hub(Path(args.config))
        address = config.database
        late, silent = int(config.late_after * 1000), int(config.silent_after * 1000)
        usual = Terms(late_after=late, silent_after=silent)
    terms = replace(
        usual,
        late_after=_length(args.late_after, usual.late_after),
        silent_after=_length(args.silent_after, usual.silent_after),
        window=_length(args.window, usual.window),
    )
    database = open_database(address, pool=1)
    try:
        with database.read() as connection:
            look = Look(connection, int(time.time() * 1000), args.province, terms)
            if args.province is not None and not has_province(look):
                raise UnreadableError(
                    f"no node is of province {args.province!r}; how is it spelled?"
                )
            yield look
    finally:
        database.close()


def clock(args: argparse.Namespace) -> hub_tables.Clock:
    """Return how times are shown: those of `--timezone`."""
    try:
        zone = ZoneInfo(args.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones
        raise UnreadableError(
            f"not a time zone: {args.timezone!r}; write Asia/Ho_Chi_Minh"
        ) from None
    return lambda at: datetime.fromtimestamp(at / 1000, zone)


def _status(args: argparse.Namespace) -> int:
    from filterd.hub import views  # noqa: PLC0415

    with looking(args) as look:
        told = views.status(look)
    _show(args, told, hub_tables.status)
    wrong = (
        told["nodes"]["late"],
        told["unblock"]["still_blocked"],
        told["overblocked"],
        told["chains"]["forks"],
    )
    return Exit.PROBLEM if any(wrong) else Exit.OK


def _orders(args: argparse.Namespace) -> int:
    from filterd.hub import views  # noqa: PLC0415
    from filterd.hub.compliance import Page  # noqa: PLC0415

    page = Page(_rows(args.limit))
    with looking(args) as look:
        if args.order is None:
            every = views.orders(look, page)
            _show(args, every, hub_tables.orders)
            return Exit.PROBLEM if any(each["late"] for each in every) else Exit.OK
        authority, _, name = args.order.partition("/")
        told = views.order(look, authority, name, page)
    if told is None:
        raise UnreadableError(f"no order {args.order!r}; `filterd hub orders` lists them")
    _show(args, told, hub_tables.order)
    return Exit.PROBLEM if told["late"] else Exit.OK


def _nodes(args: argparse.Namespace) -> int:
    from filterd.hub import views  # noqa: PLC0415
    from filterd.hub.compliance import Page  # noqa: PLC0415

    with looking(args) as look:
        every = views.nodes(look, Page(_rows(args.limit)))
    _show(args, every, hub_tables.nodes)
    return Exit.PROBLEM if any(each["late"] or each["silent"] for each in every) else Exit.OK


def _late(args: argparse.Namespace) -> int:
    from filterd.hub import views  # noqa: PLC0415
    from filterd.hub.compliance import Page  # noqa: PLC0415

    with looking(args) as look:
        told = views.late(look, Page(_rows(args.limit)))
    _show(args, told, hub_tables.late)
    return Exit.PROBLEM if any(told.values()) else Exit.OK


def _audit(args: argparse.Namespace) -> int:
    from filterd.hub import views  # noqa: PLC0415
    from filterd.hub.compliance import Page  # noqa: PLC0415

    with looking(args) as look:
        told = views.audit(look, Page(_rows(args.limit)))
    _show(args, told, hub_tables.audit)
    return Exit.OK if told["broken"] is None else Exit.PROBLEM


def _show(args: argparse.Namespace, told: Json, lines: Show) -> None:
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print("\n".join(lines(told, clock(args))))


def _length(text: str | None, usual: int) -> int:
    return usual if text is None else int(span(text).total_seconds() * 1000)


def _rows(number: int) -> int:
    if 0 < number <= 1_000_000:
        return number
    raise UnreadableError("--limit is 1 to 1,000,000")
