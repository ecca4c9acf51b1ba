"""`filterd rule`: an operator blocks or allows a name at once, until that is taken back."""

import argparse
import json

from filterd.app.commanding import Post
from filterd.app.owner import who_types
from filterd.cli.base import Command, Exit, add_config, add_examples, add_json

EXAMPLES = """\
  filterd rule block casino.example --reason "asked for by the headmaster"
  filterd rule allow maths.example --group grades-8-9
  filterd rule list
  filterd rule remove casino.example
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="rule_command", metavar="COMMAND", required=True)
    for action, about in (
        ("block", "block a name with its subdomains, like `block:` in the configuration"),
        ("allow", "allow a name with its subdomains, like `allow:` in the configuration"),
    ):
        add = commands.add_parser(action, help=about)
        add.add_argument("name", metavar="NAME")
        add.add_argument("--reason", default="", metavar="TEXT", help="why; kept with it")
        add.add_argument("--group", metavar="G", help="only for this group (default: everyone)")
        add.add_argument("--by", metavar="WHO", help="who decides (default: the user's login)")
        add_config(add)
        add.set_defaults(run=_add, action=action)
    show = commands.add_parser("list", help="what is blocked and allowed so")
    add_config(show)
    add_json(show)
    show.set_defaults(run=_show)
    remove = commands.add_parser("remove", help="take back all rules for a name")
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
        "action": args.action,
        "by": args.by or who_types(),
        "reason": args.reason,
        "group": args.group,
    }
    done = Post.of(args.config).command("rule-add", wanted)
    who = done.told["group"] or "everyone"
    state = "blocked" if args.action == "block" else "allowed"
    print(f"{done.told['name']} is {state} for {who}{done.when}")
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    post = Post.of(args.config)
    for each in post.said().rules:
        action = "block" if each.block else "allow"
        if args.json:
            row = {"name": each.name, "action": action, "at": each.at.isoformat()}
            more = {"group": each.group, "reason": each.reason, "by": each.by}
            print(json.dumps({**row, **more}, ensure_ascii=False))
        else:
            since = f"{each.at.astimezone(post.zone):%Y-%m-%d %H:%M}"
            who = each.group or "everyone"
            print(f"{each.name:<30} {action} since {since}  {who:<14} {each.reason} ({each.by})")
    return Exit.OK


def _remove(args: argparse.Namespace) -> int:
    done = Post.of(args.config).command("rule-remove", {"name": args.name})
    print(f"there is no local rule for {done.told['name']} any more{done.when}")
    return Exit.OK


COMMAND = Command("rule", EXAMPLES, arguments, run)
