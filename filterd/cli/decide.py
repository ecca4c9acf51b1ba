"""`filterd decide`: questions in as JSON lines, verdicts out as JSON lines, in order."""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from typing import IO, Any

from filterd.app.deciding import Decider, from_config, from_lists
from filterd.cli.base import Command, Exit, add_config
from filterd.cli.progress import Progress
from filterd.cli.question import UnanswerableError, verdict_of

EXAMPLES = """\
  echo '{"name":"ads.example.com"}' | filterd decide --list adblock=list.txt
  filterd decide -c config.yaml < questions.jsonl > verdicts.jsonl
  filterd decide --list hosts=a.txt --allow domains=good.txt --age 10 questions.jsonl
  filterd decide --list domains,category=gambling,subdomains=g.txt --age 15 < questions.jsonl
  filterd decide --list abp-url=easylist.txt < urls.jsonl    (ABP rules for URLs)

a question:  {"name", "type"?, "client"?, "client_name"?, "client_tags"?, "group"?, "at"?}
of a URL:    {"url", "source_url"?, "request_type"?, "method"?, and the last five}
a verdict:   {"verdict": "pass|allow|block|rewrite", "step": 1-9, "rule", "list", "line",
              "category", "min_age", "rewrite": {"rcode", "answers"}}
a line that cannot be answered gets {"error": …}; the exit status is then 1 at the end
"""
_PROGRESS_EVERY = 2000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument(
        "--list",
        action="append",
        default=[],
        metavar="FORMAT=PATH",
        help="decide by this list instead of a configuration; may be given several times. After "
        "FORMAT: ,category=NAME ,min_age=N ,subdomains ,trusted ,zone=NAME ,mandatory",
    )
    parser.add_argument(
        "--allow", action="append", default=[], metavar="FORMAT=PATH", help="a list of exceptions"
    )
    parser.add_argument(
        "--age", type=int, metavar="N", help="age of who asks, 0 to 18 (with --list; default 18)"
    )
    parser.add_argument(
        "input", nargs="?", metavar="FILE", help="questions (default: standard input)"
    )


def run(args: argparse.Namespace) -> int:
    """Decide every line."""
    if (args.list or args.allow) and args.config:
        sys.stderr.write("filterd: give --config or --list, not both\n")
        return Exit.USAGE
    if args.age is not None and not 0 <= args.age <= 18:
        sys.stderr.write("filterd: --age is a whole number from 0 to 18\n")
        return Exit.USAGE
    if args.list or args.allow:
        decider = from_lists(args.list, args.allow, args.age)
    else:
        decider = from_config(args.config, args.age)
    if args.input:
        with open(args.input, "rb") as lines:  # noqa: PTH123 - a stream, like stdin below
            return _answer(lines, sys.stdout, decider)
    return _answer(sys.stdin.buffer, sys.stdout, decider)


def _answer(lines: Iterable[bytes], out: IO[str], decider: Decider) -> int:
    bad = 0
    now = time.time()
    dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    write = out.write
    blank = 0
    with Progress("deciding") as bar:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                blank += 1  # an error if anything follows; at the end of a file it is nothing
                continue
            for before in range(number - blank, number):
                write(dumps({"error": f"line {before}: it is empty"}) + "\n")
            bad += blank
            blank = 0
            answer: dict[str, Any]
            try:
                answer = verdict_of(line, decider, now)
            except UnanswerableError as error:
                bad += 1
                answer = {"error": f"line {number}: {error}"}
            write(dumps(answer) + "\n")
            if number % _PROGRESS_EVERY == 0:
                bar.at(number)
    out.flush()
    return Exit.PROBLEM if bad else Exit.OK


COMMAND = Command("decide", EXAMPLES, arguments, run)
