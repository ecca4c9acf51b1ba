"""`filterd case`: what pupils and teachers say is blocked by mistake, and what came of it."""

import argparse
import json
from dataclasses import asdict

from filterd.app.cases import close, look
from filterd.app.commanding import Post
from filterd.cli.base import Command, Exit, add_config, add_examples, add_json, printable
from filterd.cli.table import table
from filterd.cli.times import clock_text
from filterd.report.cases import Kept

EXAMPLES = """\
  filterd case list
  filterd case show K7QD-3MXA
  filterd case close K7QD-3MXA --opened --answer "open for grade 8 from Monday"
  filterd case close K7QD-3MXA --kept --answer "the shop sells tobacco"
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="case_command", metavar="COMMAND", required=True)
    show_all = commands.add_parser("list", help="the cases that wait for an answer")
    show_all.add_argument("--all", action="store_true", help="closed cases too (kept 30 days)")
    add_config(show_all)
    add_json(show_all)
    show_all.set_defaults(run=_list)
    show = commands.add_parser("show", help="one case, with everything that is known")
    show.add_argument("reference", metavar="CODE")
    add_config(show)
    add_json(show)
    show.set_defaults(run=_show)
    close = commands.add_parser("close", help="decide a case; rules are changed by other commands")
    close.add_argument("reference", metavar="CODE")
    way = close.add_mutually_exclusive_group(required=True)
    way.add_argument("--opened", action="store_true", help="the page is let through now")
    way.add_argument("--kept", action="store_true", help="it stays blocked")
    close.add_argument("--answer", metavar="TEXT", default="", help="why; kept with the case")
    add_config(close)
    close.set_defaults(run=_close)
    add_examples(commands, EXAMPLES, {"CODE": "the code on the page that the pupil was shown"})


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return int(args.run(args))


def _list(args: argparse.Namespace) -> int:
    post = Post.of(args.config)
    cases = [each for each in look(post.paths) if args.all or each.closed is None]
    if args.json:
        for each in cases:
            print(json.dumps(asdict(each), ensure_ascii=False))
        return Exit.OK
    if not cases:
        print("no case waits for an answer")
        return Exit.OK
    rows = [
        (
            each.case.reference,
            clock_text(each.case.hour, post.config.timezone)[:-3],
            each.case.host or "(not named)",
            each.case.group,
            each.case.why,
            each.case.reason,
            _state(each),
        )
        for each in cases
    ]
    titles = ("CODE", "HOUR", "HOST", "GROUP", "BLOCKED BY", "REASON", "STATE")
    print("\n".join(table(titles, rows)))
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    post = Post.of(args.config)
    wanted = args.reference.strip().upper()
    found = next((each for each in look(post.paths) if each.case.reference == wanted), None)
    if found is None:
        print(f"there is no case {printable(args.reference)}; see `filterd case list --all`")
        return Exit.PROBLEM
    if args.json:
        print(json.dumps(asdict(found), ensure_ascii=False))
        return Exit.OK
    case = found.case
    rows = {
        "code": case.reference,
        "hour": clock_text(case.hour, post.config.timezone)[:-3],
        "host": case.host or "(not named: abuse material)",
        "group": case.group,
        "blocked by": case.why,
        "category": case.category,
        "min age": "" if case.age is None else str(case.age),
        "list": case.list,
        "rule": case.rule,
        "order": case.order,
        "reason": case.reason,
        "note": case.note,
        "state": _state(found),
        "answer": found.answer,
    }
    for label, value in rows.items():
        if value:
            print(f"{label + ':':<12}{printable(value)}")
    if found.closed is None and case.host and not case.order:
        print(f"\nto see why: filterd explain {printable(case.host)}")
        print(f"to open it: filterd override add {printable(case.host)} --for 45m --reason TEXT")
    return Exit.OK


def _close(args: argparse.Namespace) -> int:
    post = Post.of(args.config)
    done = close(post.paths, args.reference, opened_up=args.opened, answer=args.answer)
    print(f"case {done.case.reference} is closed: {_state(done)}")
    return Exit.OK


def _state(kept: Kept) -> str:
    if kept.closed is None:
        return "open"
    return "page opened" if kept.opened_up else "stays blocked"


COMMAND = Command("case", EXAMPLES, arguments, run)
