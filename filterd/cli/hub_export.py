"""`filterd hub export`: orders, counts and evidence as files for others."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from filterd.cli.base import Exit
from filterd.cli.hub_look import add_where, looking
from filterd.cli.times import UnreadableError
from filterd.model.durable import write_atomically

DAY = 86_400
EXAMPLES = """\
  filterd hub export orders.csv --from 2026-11-01 -o orders.csv
  filterd hub export orders.stix -o bundle.json
  filterd hub export statistics --from 2026-10-01 --to 2026-11-01    exact, for the ministry
  filterd hub export sites.csv                  .vn sites with and without an age label, by day
  filterd hub export bypass.csv                 signs of going round the filter, by day and age
  filterd hub export public --from 2026-10-01                        without small cells
  filterd hub export candidates                                      domains no rule knows
  filterd hub export evidence ministry/2026-17 NODE --feed feed -o evidence.tar
"""
_KINDS = ("orders.csv", "orders.json", "orders.stix", "sites.csv", "bypass.csv", "statistics",
          "public", "candidates", "evidence")  # fmt: skip


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    about = "orders, counts and evidence as files"
    parser = commands.add_parser(
        "export",
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=_KINDS, metavar="KIND", help=", ".join(_KINDS))
    parser.add_argument("order", nargs="?", metavar="AUTHORITY/ID", help="evidence: of this order")
    parser.add_argument("node", nargs="?", metavar="NODE", help="evidence: at this node")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="DAY",
        help="counts from this UTC day on (default: 30 days ago)",
    )
    parser.add_argument(
        "--to", dest="end", metavar="DAY", help="counts before this day (default: tomorrow)"
    )
    parser.add_argument(
        "--feed", metavar="FOLDER", help="of the log (default: the configuration's)"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="what is written (default: standard output)"
    )
    add_where(parser)
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    data = _evidence(args) if args.kind == "evidence" else _counts(args)
    if args.output is not None:
        write_atomically(Path(args.output), data)
        print(f"{args.output}: {len(data):,} bytes", file=sys.stderr)
        return Exit.OK
    if args.kind == "evidence" and sys.stdout.isatty():
        raise UnreadableError("evidence is a tar file; name one with -o")
    sys.stdout.buffer.write(data)
    return Exit.OK


def _counts(args: argparse.Namespace) -> bytes:
    from filterd.hub import statistics  # noqa: PLC0415 - --help must not wait for SQL
    from filterd.hub.compliance import Page  # noqa: PLC0415
    from filterd.hub.exports import EXPORTS  # noqa: PLC0415

    with looking(args) as look:
        today = look.now // 1000 // DAY * DAY
        start = today - 30 * DAY if args.start is None else _day(args.start)
        end = today + DAY if args.end is None else _day(args.end)
        if start >= end:
            raise UnreadableError("--from must be before --to")
        span = statistics.Span(start, end)
        if args.kind in EXPORTS:
            return EXPORTS[args.kind][1](look, span)
        if args.kind == "public":
            told: object = statistics.public(look, span)
        elif args.kind == "candidates":
            told = statistics.suspects(look, span, Page(10_000))
        else:
            told = statistics.cells(look, span)
    return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"


def _evidence(args: argparse.Namespace) -> bytes:
    from filterd.config.hub import load_hub  # noqa: PLC0415
    from filterd.hub.evidence import evidence  # noqa: PLC0415

    authority, _, name = (args.order or "").partition("/")
    if not name or args.node is None:
        raise UnreadableError("evidence needs an order and a node: AUTHORITY/ID NODE")
    feed = Path(os.fspath(load_hub(Path(args.config)).feed) if args.feed is None else args.feed)
    with looking(args) as look:
        return evidence(look, feed, authority, name, args.node)


def _day(text: str) -> int:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UnreadableError(f"not a day: {text!r}; write 2026-11-01") from None
    return int(day.timestamp())
