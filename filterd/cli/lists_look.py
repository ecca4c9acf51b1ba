"""`filterd lists status|check|convert`: looking, without changing anything."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from filterd.app.deciding import list_argument
from filterd.app.lists_work import wanted_lists
from filterd.app.paths import Paths, config_path, read_config
from filterd.cli import lists_hash
from filterd.cli.base import Exit, paint, printable
from filterd.cli.progress import Progress
from filterd.formats.base import Format, Options
from filterd.formats.detect import detect
from filterd.formats.hashed_urls import FORMAT as HASHED_URLS
from filterd.formats.registry import by_name
from filterd.formats.scan import check as check_list
from filterd.formats.scan import scan
from filterd.formats.writers import WRITERS, write
from filterd.lists.abp import inspect_abp
from filterd.lists.gate import AUTO
from filterd.lists.requests import KINDS
from filterd.lists.status import ListStatus, State
from filterd.lists.status import status as list_status
from filterd.lists.store import ListStore
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.model.rule import Rule
from filterd.policy.abp_rules import FORMAT as ABP_URL

_SAMPLE = 65_536
_STYLES = {State.OK: "green", State.HELD: "yellow", State.FAILED: "yellow"}


def status(args: argparse.Namespace) -> int:
    """Show how each list stands; exit status 1 when one is not well."""
    config, book = read_config(config_path(args.config, os.environ))
    paths = Paths.of(config, os.environ)
    now = time.time()
    states = list_status(wanted_lists(config, book), ListStore(paths.state), now)
    if args.json:
        print(json.dumps([asdict(state) for state in states], ensure_ascii=False))
    else:
        for state in states:
            print(_status_line(state))
        if not states:
            print("no list is configured; see `lists:` in config.example.yaml")
    return Exit.OK if all(state.state is State.OK for state in states) else Exit.PROBLEM


def _status_line(state: ListStatus) -> str:
    word = paint(f"{state.state.value:<8}", _STYLES.get(state.state, "red"))
    refused = sum(count for _, count in state.refused)
    age = f"{state.age / 3600:.1f} h old" if state.age is not None else "never fetched"
    line = f"{state.name:<20} {word} {state.entries:>10,} rules  {refused:>7,} refused  {age}"
    return "\n".join([line, *(f"    {printable(reason)}" for reason in state.why)])


def check(args: argparse.Namespace) -> int:
    """Read a list and report; exit status 1 when a line was refused."""
    if list_argument(args.list)[0].lower() == ABP_URL:
        return _check_abp(args)
    if list_argument(args.list)[0].lower() == HASHED_URLS:
        return lists_hash.check(args)
    data, form, options = _opened(args.list)
    report = check_list(data, form, options)
    if args.json:
        print(
            json.dumps(
                {
                    "format": form.name,
                    "accepted": report.accepted,
                    "rules": report.rules,
                    "comments": report.comments,
                    "refused": [
                        {"line": r.line, "text": r.text, "reason": r.reason} for r in report.refused
                    ],
                    "refused_by_code": report.codes,
                },
                ensure_ascii=False,
            )
        )
        return Exit.PROBLEM if report.refused else Exit.OK
    print(f"format {form.name}: {report.accepted:,} lines accepted, {report.comments:,} comments")
    for code, count in report.codes.items():
        print(f"  {paint(f'{count:,} refused', 'yellow')}: {code}")
    for refusal in report.refused[: max(0, args.limit)]:
        print(f"    line {refusal.line}: {printable(refusal.text[:80])}")
        print(f"      {paint(printable(refusal.reason), 'dim')}")
    hidden = len(report.refused) - args.limit
    if hidden > 0:
        print(f"    and {hidden:,} more; --json shows all")
    return Exit.PROBLEM if report.refused else Exit.OK


def _check_abp(args: argparse.Namespace) -> int:
    """The same for rules about requests, whose refused lines are counted, not kept."""
    path = list_argument(args.list)[2]
    found = inspect_abp(ListSpec(path, ABP_URL), Path(path).read_bytes(), ())
    if args.json:
        print(
            json.dumps(
                {
                    "format": found.format,
                    "accepted": found.accepted,
                    "comments": found.comments,
                    "refused_by_code": dict(found.refused),
                },
                ensure_ascii=False,
            )
        )
        return Exit.PROBLEM if found.refused else Exit.OK
    print(f"format {found.format}: {found.accepted:,} rules, {found.comments:,} comments")
    for code, count in found.refused:
        print(f"  {paint(f'{count:,} refused', 'yellow')}: {code}")
    return Exit.PROBLEM if found.refused else Exit.OK


def convert(args: argparse.Namespace) -> int:
    """Write a list in another format; exit status 1 when something could not be said in it."""
    if args.to not in WRITERS:
        raise RulesError(f"cannot write format {args.to!r}; can write: {', '.join(WRITERS)}")
    data, form, options = _opened(args.list)
    left_out: Counter[str] = Counter()
    rules = (
        item
        for _, _, items in scan(data, form, options)
        for item in items
        if isinstance(item, Rule)
    )
    with Progress("converting") as bar:
        for number, line in enumerate(write(rules, args.to, left_out), 1):
            sys.stdout.write(f"{line}\n")
            bar.at(number)
    for reason, count in left_out.most_common():
        print(f"left out {count:,}: {reason}", file=sys.stderr)
    return Exit.PROBLEM if left_out else Exit.OK


def _opened(argument: str) -> tuple[bytes, Format, Options]:
    name, given, path = list_argument(argument)
    if name.lower() in KINDS:
        raise RulesError(
            f"rules of {name.lower()} are about requests; no other format can say them"
        )
    data = Path(path).read_bytes()
    if name == AUTO:
        found, scores = detect(data[:_SAMPLE])
        if found is None:
            best = max(scores, key=lambda word: scores[word], default="nothing")
            raise RulesError(f"{path} looks like no format known here, most like {best}; name it")
        form = found
    else:
        form = by_name(name)
    options = Options("subdomains" in given, "trusted" in given, given.get("zone"))
    return data, form, options
