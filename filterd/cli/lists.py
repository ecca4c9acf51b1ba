"""`filterd lists`: status, update, check, convert, hash, rollback."""

import argparse

from filterd.cli import lists_change, lists_hash, lists_look
from filterd.cli.base import Command, add_config, add_examples, add_json

EXAMPLES = """\
  filterd lists status                       how each list stands
  filterd lists update                       fetch, check, compile, put in force
  filterd lists update ads --force           accept what the gate held back
  filterd lists check adblock=list.txt       what is refused, and why
  filterd lists convert adblock=list.txt --to rpz > list.rpz
  filterd lists hash urls.txt -o hidden.list --new-salt --epoch 7
  filterd lists rollback                     the rules before
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="lists_command", metavar="COMMAND", required=True)

    status = commands.add_parser("status", help="how each list stands")
    add_config(status)
    add_json(status)
    status.set_defaults(run=lists_look.status)

    update = commands.add_parser("update", help="fetch, check, compile and put in force")
    update.add_argument("names", nargs="*", metavar="LIST", help="only these lists")
    update.add_argument(
        "--force", action="store_true", help="accept versions that the gate holds back"
    )
    add_config(update)
    add_json(update)
    update.set_defaults(run=lists_change.update)

    check = commands.add_parser("check", help="read a list and say what is refused, and why")
    check.add_argument("list", metavar="FORMAT=PATH", help="FORMAT may be auto")
    check.add_argument("--limit", type=int, default=20, metavar="N", help="refused lines shown")
    add_json(check)
    check.set_defaults(run=lists_look.check)

    convert = commands.add_parser("convert", help="write a list in another format to stdout")
    convert.add_argument("list", metavar="FORMAT=PATH", help="FORMAT may be auto")
    convert.add_argument("--to", required=True, metavar="FORMAT", help="the format to write")
    convert.set_defaults(run=lists_look.convert)

    lists_hash.arguments(commands)

    back = commands.add_parser("rollback", help="put the rules before in force again")
    add_config(back)
    add_json(back)
    back.set_defaults(run=lists_change.roll_back)
    add_examples(commands, EXAMPLES)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


COMMAND = Command("lists", EXAMPLES, arguments, run)
