"""`filterd who`: where the clients are that are known by name, asked of the running daemon."""

import argparse
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from filterd.app.commanding import Post
from filterd.cli.base import Command, Exit, add_config, add_json, paint, printable
from filterd.cli.table import Cell, table
from filterd.control.client import call
from filterd.who.words import SAID

EXAMPLES = """\
  filterd who                       every client known by name, and where it is now
  filterd who library               one of them
  filterd who --json
"""
_COLUMNS = ("client", "group", "id", "address", "source", "until")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="CLIENT", nargs="?", help="this client alone")
    parser.add_argument("--language", choices=("vi", "en"), help="default: as configured")
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, and show it."""
    post = Post.of(args.config)
    told = call(post.paths.control, "who") or {"clients": [], "devices": 0, "randomised": 0}
    if args.name is not None:
        told["clients"] = [each for each in told["clients"] if each["name"] == args.name]
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
        return Exit.OK
    said = SAID[args.language or post.config.language]
    rows = [row for each in told["clients"] for row in _rows(each, post, said)]
    if rows:
        print("\n".join(table([said[each] for each in _COLUMNS], rows)))
    else:
        print(said["nobody"])
    print(said["devices"].format(**told))
    for source, why in told.get("problems", {}).items():
        print(paint(printable(said["problem"].format(source=source, why=why)), "yellow"))
    return Exit.OK


def _rows(each: Mapping[str, Any], post: Post, said: Mapping[str, str]) -> list[list[str | Cell]]:
    rows: list[list[str | Cell]] = []
    for known in each["ids"]:
        head = [printable(each["name"]), printable(each["group"]), printable(known["id"])]
        rows += [
            [*head, place["address"], place["source"], _clock(place["until"], post)]
            for place in known["places"]
        ]
        if not known["places"]:
            rows.append([*head, Cell(said["nowhere"], "dim"), "", ""])
    return rows


def _clock(until: float | None, post: Post) -> str:
    if until is None:
        return ""
    return datetime.fromtimestamp(until, post.zone).strftime("%Y-%m-%d %H:%M")


COMMAND = Command("who", EXAMPLES, arguments, run)
