"""`filterd hub invite|people|end`: who may speak to the hub, nodes and people.

Codes and tokens are shown once, here, and kept as hashes. Everything is in the audit log.
"""

import argparse
import csv
import getpass
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filterd.cli.base import Exit, add_json, printable
from filterd.cli.table import table
from filterd.cli.times import UnreadableError, span

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from filterd.hub.enrolment import Invited

ROLES = ("officer", "operator", "auditor", "province")
COLUMNS = ("name", "province", "kind", "subscribers")
INVITE = """\
  filterd hub invite "Primary school No. 4" --province north
  filterd hub invite "North net" --province north --kind isp --subscribers 1200000 --lasts 2d
  filterd hub invite --table schools.csv > codes.csv      name,province[,kind[,subscribers]]
"""
PEOPLE = """\
  filterd hub people add "An Officer" --role officer      prints the token, this once
  filterd hub people add "North" --role province --province north
  filterd hub people list
  filterd hub people end "An Officer"
"""
END = """\
  filterd hub end 3f9a2c    the id of a node, or how it begins; `filterd hub nodes` lists them
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommands."""
    invite = _command(commands, "invite", "make a code that one node enrols with", INVITE)
    invite.add_argument("name", nargs="?", metavar="NAME", help="what the node will be called")
    invite.add_argument("--province", metavar="P", help="where the node is")
    invite.add_argument(
        "--kind", choices=("school", "isp"), default="school", help="(default: school)"
    )
    invite.add_argument(
        "--subscribers", type=int, default=1, metavar="N", help="of an isp (default: 1)"
    )
    invite.add_argument(
        "--lasts", default="7d", metavar="LENGTH", help="the code: 12h, 365d at most (default: 7d)"
    )
    invite.add_argument("--table", metavar="FILE.csv", help="many at once; codes as CSV come out")
    invite.set_defaults(run=_invite)

    people = _command(commands, "people", "officers, operators, auditors, provinces", PEOPLE)
    deeds = people.add_subparsers(dest="people_command", metavar="COMMAND", required=True)
    adding = _command(deeds, "add", "add somebody; prints the token, this once", _of("add"))
    adding.add_argument("name", metavar="NAME", help="1 to 100 characters, used once")
    adding.add_argument("--role", required=True, choices=ROLES, help="what the token is good for")
    adding.add_argument("--province", metavar="P", help="what the role province may see")
    adding.set_defaults(run=_add_person)
    ending = _command(deeds, "end", "take nothing from somebody any more", _of("end"))
    ending.add_argument("name", metavar="NAME", help="as `people list` has it")
    ending.set_defaults(run=_end_person)
    _command(deeds, "list", "everybody, those who were ended too", _of("list")).set_defaults(
        run=_list
    )

    end = _command(commands, "end", "take nothing from a node any more", END)
    end.add_argument("node", metavar="NODE", help="its id, or how it begins")
    end.set_defaults(run=_end_node)


@dataclass(frozen=True, slots=True)
class Desk:
    """A transaction of the hub's database, when it is and who sits here."""

    connection: "Connection"
    now_ms: int
    who: str

    def note(self, what: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Audit; the last thing that is done here."""
        from filterd.hub.audit import note  # noqa: PLC0415

        note(self.connection, self.who, what, subject, detail, self.now_ms)


@contextmanager
def _desk(args: argparse.Namespace) -> Iterator[Desk]:
    from filterd.config.hub import load_hub  # noqa: PLC0415 - --help must not wait for SQL
    from filterd.hub.database import open_database  # noqa: PLC0415

    url = args.database or load_hub(Path(args.config)).database
    database = open_database(url, pool=1)
    try:
        with database.write() as connection:
            who = f"{getpass.getuser()} at the command line"
            yield Desk(connection, int(time.time() * 1000), who)
    finally:
        database.close()


def _invite(args: argparse.Namespace) -> int:
    from filterd.hub.enrolment import invite  # noqa: PLC0415

    wanted = list(_invited(args))
    with _desk(args) as desk:
        codes = [invite(desk.connection, each, desk.now_ms) for each in wanted]
        for each in wanted:
            desk.note("invite", each.name, {"province": each.province, "kind": each.kind})
    rows = [
        {"name": each.name, "province": each.province, "code": code}
        for each, code in zip(wanted, codes, strict=True)
    ]
    if args.json:
        print(json.dumps(rows if args.table else rows[0], ensure_ascii=False))
    elif args.table:
        writer = csv.DictWriter(sys.stdout, ("name", "province", "code"))
        writer.writeheader()
        writer.writerows(rows)
    else:
        print(f"on the node, within {args.lasts}:  filterd feed enrol {codes[0]}")
    return Exit.OK


def _invited(args: argparse.Namespace) -> "Iterator[Invited]":
    from filterd.hub.enrolment import Invited  # noqa: PLC0415

    lifetime = int(span(args.lasts).total_seconds())
    if args.table is None:
        if args.name is None or args.province is None:
            raise UnreadableError("an invitation has a NAME and a --province, or it is a --table")
        yield Invited(args.name, args.province, args.kind, args.subscribers, lifetime)
        return
    for place, row in enumerate(_rows(Path(args.table)), 2):
        kind = row.get("kind") or args.kind
        number = row.get("subscribers") or str(args.subscribers)
        if not (number.isascii() and number.isdigit()):
            raise UnreadableError(f"{args.table}, line {place}: subscribers: {number!r}")
        yield Invited(row["name"], row["province"], kind, int(number), lifetime)


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    try:
        lines = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True)
        names = [name.strip().lower() for name in lines.fieldnames or ()]
        unknown = sorted(set(names) - set(COLUMNS))
        if unknown or not {"name", "province"} <= set(names):
            raise UnreadableError(f"{path}: the first line says name,province[,kind[,subscribers]]")
        lines.fieldnames = names
        for row in lines:
            if None in row or None in row.values():
                raise UnreadableError(f"{path}, line {lines.line_num}: {len(names)} cells, please")
            yield {name: text.strip() for name, text in row.items()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path}: not a table as CSV: {error}") from error


def _add_person(args: argparse.Namespace) -> int:
    from filterd.hub.people import Role, add_person  # noqa: PLC0415

    with _desk(args) as desk:
        token = add_person(
            desk.connection, args.name, Role(args.role), desk.now_ms, province=args.province
        )
        desk.note("add-person", args.name, {"role": args.role})
    if args.json:
        print(json.dumps({"name": args.name, "role": args.role, "token": token}))
    else:
        print(f"the token of {printable(args.name)}, shown this once:", file=sys.stderr)
        print(token)
    return Exit.OK


def _end_person(args: argparse.Namespace) -> int:
    from filterd.hub.people import end_person  # noqa: PLC0415

    with _desk(args) as desk:
        end_person(desk.connection, args.name, desk.now_ms)
        desk.note("end-person", args.name, {})
    _say(args, {"name": args.name}, f"nothing is taken from {args.name} any more")
    return Exit.OK


def _list(args: argparse.Namespace) -> int:
    from filterd.hub.people import list_people  # noqa: PLC0415

    with _desk(args) as desk:
        people = list_people(desk.connection)
    if args.json:
        told = [
            {
                "name": p.name,
                "role": p.role.value,
                "province": p.province,
                "ended": bool(p.ended_at),
            }
            for p in people
        ]
        print(json.dumps(told, ensure_ascii=False))
        return Exit.OK
    rows = [
        (p.name, p.role.value, p.province or "", _day(p.made_at), _day(p.ended_at)) for p in people
    ]
    print("\n".join(table(("name", "role", "province", "since", "ended"), rows)))
    return Exit.OK


def _end_node(args: argparse.Namespace) -> int:
    from filterd.hub.enrolment import end_node, named_nodes  # noqa: PLC0415

    with _desk(args) as desk:
        found = named_nodes(desk.connection, args.node)
        if len(found) != 1:
            what = "more than one node" if found else "no node"
            raise UnreadableError(f"{what} begins with {args.node!r}; `filterd hub nodes` has them")
        node = end_node(desk.connection, found[0], desk.now_ms)
        desk.note("end-node", node.id, {"name": node.name})
    _say(args, {"node": node.id, "name": node.name}, f"nothing is taken from {node.name} any more")
    return Exit.OK


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    about: str,
    examples: str = "",
) -> argparse.ArgumentParser:
    from filterd.cli.hub import add_hub_config  # noqa: PLC0415 - it asks for this module

    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if name != "people":
        add_hub_config(parser)
        parser.add_argument("--database", metavar="URL", help="instead of the configuration's")
        add_json(parser)
    return parser


def _of(deed: str) -> str:
    return "".join(line for line in PEOPLE.splitlines(keepends=True) if f"people {deed}" in line)


def _say(args: argparse.Namespace, told: Mapping[str, Any], words: str) -> None:
    print(json.dumps(told, ensure_ascii=False) if args.json else printable(words))


def _day(at_ms: int | None) -> str:
    return "" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
