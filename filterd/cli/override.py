"""`filterd override`: a teacher opens a name for a while, with a reason."""

import argparse
import getpass
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_json
from filterd.cli.times import span
from filterd.formats.names import normalise
from filterd.model.errors import FilterdError
from filterd.model.group import Override
from filterd.policy.overrides import (
    MAX_OVERRIDES,
    Overrides,
    dump,
    in_force,
    parse,
    read,
    write,
)

EXAMPLES = """\
  filterd override add youtube.com --for 45m --reason "biology film" --group grades-8-9
  filterd override list
  filterd override remove youtube.com
"""
LONGEST = timedelta(days=7)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="override_command", metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="open a name, with its subdomains, for a while")
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--for", dest="span", required=True, metavar="TIME", help="45m, 2h; 7d at most"
    )
    add.add_argument("--reason", required=True, metavar="TEXT", help="why; kept with it")
    add.add_argument("--group", metavar="G", help="only for this group (default: everyone)")
    add.add_argument("--by", metavar="WHO", help="who decides (default: the user's login)")
    add_config(add)
    add.set_defaults(run=_add)
    show = commands.add_parser("list", help="what is open now")
    add_config(show)
    add_json(show)
    show.set_defaults(run=_show)
    remove = commands.add_parser("remove", help="end it now")
    remove.add_argument("name", metavar="NAME")
    add_config(remove)
    remove.set_defaults(run=_remove)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _add(args: argparse.Namespace) -> int:
    path, zone, groups = _place(args)
    if args.group is not None and args.group not in groups:
        raise FilterdError(f"no group is called {args.group!r}; known: {', '.join(groups)}")
    length = span(args.span)
    if length > LONGEST:
        raise FilterdError("an override lasts 7d at most; for longer, use `allow:` in the group")
    now = datetime.now(zone)
    name = normalise(args.name)
    if not name:
        raise FilterdError("the root cannot be opened; name a site")
    held = [o for o in _held(path, zone, now) if (o.name, o.group) != (name, args.group)]
    if len(held) >= MAX_OVERRIDES:
        raise FilterdError(f"there are {MAX_OVERRIDES} overrides already; remove some")
    expires = (now + length).replace(microsecond=0)
    by = args.by or getpass.getuser()
    new = Override(name, expires, args.reason, by, args.group)
    # What cannot be read again would be left out by the daemon, and stop the next command too.
    if unreadable := parse(dump((new,)), zone).problems:
        raise FilterdError(unreadable[0].message)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, [*held, new])
    who = args.group or "everyone"
    print(f"{name} is open for {who} until {expires:%Y-%m-%d %H:%M} (a running daemon follows)")
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    path, zone, _ = _place(args)
    for each in _held(path, zone, datetime.now(zone)):
        if args.json:
            row = {"name": each.name, "expires": each.expires.isoformat(), "group": each.group}
            print(json.dumps({**row, "reason": each.reason, "by": each.by}, ensure_ascii=False))
        else:
            until = f"{each.expires.astimezone(zone):%Y-%m-%d %H:%M}"
            who = each.group or "everyone"
            print(f"{each.name:<30} until {until}  {who:<14} {each.reason} ({each.by})")
    return Exit.OK


def _remove(args: argparse.Namespace) -> int:
    path, zone, _ = _place(args)
    name = normalise(args.name)
    held = _held(path, zone, datetime.now(zone))
    left = [each for each in held if each.name != name]
    if len(left) == len(held):
        raise FilterdError(f"{name} is not open; see `filterd override list`")
    write(path, left)
    print(f"{name} is no longer open")
    return Exit.OK


def _place(args: argparse.Namespace) -> tuple[Path, ZoneInfo, tuple[str, ...]]:
    config, _ = read_config(config_path(args.config, os.environ))
    return Paths.of(config, os.environ).overrides, ZoneInfo(config.timezone), tuple(config.groups)


def _held(path: Path, zone: ZoneInfo, now: datetime) -> tuple[Override, ...]:
    found: Overrides = read(path, zone)
    if found.problems:
        first = found.problems[0]
        raise FilterdError(f"{path} line {first.line}: {first.message}; mend or remove it first")
    return in_force(found.items, now)


COMMAND = Command("override", "open a name for a while, with a reason", EXAMPLES, arguments, run)
