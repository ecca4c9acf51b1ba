"""`filterd order adopt`: taking over the orders of an authority that hands its task on."""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from filterd.cli.base import Exit
from filterd.feed.acts import signed_json
from filterd.feed.breadth import breadth_of
from filterd.feed.judge import judge
from filterd.feed.standing import read_standing
from filterd.feed.stored import read_stored
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.model.order import SignedAct
from filterd.policy.rulebook import default_directory, load_rulebook

Commands = Any  # argparse does not name what add_subparsers returns
_EXAMPLES = """examples:
  filterd order adopt feed --of moet --authority mps -o adopted       a file for each order
  filterd order sign adopted/*.json --key officer-4.pem               by its own officers
  filterd order publish feed adopted/*.json --log-key log.pem
"""


def add(commands: Commands) -> None:
    """Add the subcommand."""
    adopt = commands.add_parser(
        "adopt",
        help="write another authority's orders anew, to be signed by yours",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    adopt.add_argument("feed", metavar="FEED")
    adopt.add_argument("--of", required=True, metavar="ID", help="whose orders")
    adopt.add_argument("--authority", required=True, metavar="ID", help="who orders them now")
    adopt.add_argument("-o", "--output", required=True, metavar="FOLDER")
    adopt.set_defaults(run=_adopt)


def _adopt(args: argparse.Namespace) -> int:
    feed, now = Path(args.feed), int(time.time())
    trust = read_standing(feed)
    stored = read_stored(feed, trust.policy.log)
    if stored is None:
        raise RulesError(f"{feed} has no log; `filterd authority init` begins one")
    if trust.registry.find(args.authority) is None:
        raise RulesError(
            f"no authority {args.authority} in {feed}: `filterd authority put` adds it"
        )
    breadth = breadth_of(load_rulebook(default_directory()).must_not_block, trust.popular)
    judged = judge(stored.position.ledger.at(now), trust.registry, breadth).values()
    own = [each.entry.order for each in judged if each.enforced and each.entry.name[0] == args.of]
    if not own:
        raise RulesError(
            f"nothing of {args.of} is in force in {feed}, so there is nothing to adopt"
        )
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    for order in own:
        begins = max(now, order.not_before)
        ident = f"{args.of}-{order.id}"
        adopted = replace(order, id=ident, authority=args.authority, not_before=begins)
        # An id may have a slash in it, a file's name not.
        path = folder / f"{ident.replace('/', '_')}.json"
        text = json.dumps(signed_json(SignedAct(adopted, ())), indent=1, ensure_ascii=False)
        write_atomically(path, f"{text}\n".encode())
    print(f"{folder}: orders of {args.of}: {len(own)}; now officers of {args.authority} sign them")
    return Exit.OK
