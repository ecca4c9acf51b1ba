"""`filterd override`: a teacher opens a name for a while, with a reason."""

import argparse
import json
from datetime import UTC, datetime

from filterd.app.commanding import Post
from filterd.app.owner import who_types
from filterd.cli.base import Command, Exit, add_config, add_examples, add_json
from filterd.cli.times import span
from filterd.policy.overrides import in_force

EXAMPLES = """\
  filterd override add youtube.com --for 45m --reason "biology film" --group grades-8-9
  filterd override list
  filterd override remove youtube.com
"""


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
    add_examples(commands, EXAMPLES, {"NAME": "a domain name"})


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _add(args: argparse.Namespace) -> int:
    wanted = {
        "name": args.name,
        "seconds": span(args.span).total_seconds(),
        "reason": args.reason,
        "by": args.by or who_types(),
        "group": args.group,
    }
    post = Post.of(args.config)
    done = post.command("override-add", wanted)
    ends = datetime.fromisoformat(str(done.told["expires"])).astimezone(post.zone)
    who = done.told["group"] or "everyone"
    print(f"{done.told['name']} is open for {who} until {ends:%Y-%m-%d %H:%M}{done.when}")
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    post = Post.of(args.config)
    for each in in_force(post.said().overrides, datetime.now(UTC)):
        if args.json:
            row = {"name": each.name, "expires": each.expires.isoformat(), "group": each.group}
            print(json.dumps({**row, "reason": each.reason, "by": each.by}, ensure_ascii=False))
        else:
            until = f"{each.expires.astimezone(post.zone):%Y-%m-%d %H:%M}"
            who = each.group or "everyone"
            print(f"{each.name:<30} until {until}  {who:<14} {each.reason} ({each.by})")
    return Exit.OK


def _remove(args: argparse.Namespace) -> int:
    done = Post.of(args.config).command("override-remove", {"name": args.name})
    print(f"{done.told['name']} is no longer open{done.when}")
    return Exit.OK


COMMAND = Command("override", EXAMPLES, arguments, run)
