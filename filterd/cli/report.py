"""`filterd report`: what leaves this node for the ministry's hub, and how that goes."""

import argparse
import json
import os
from typing import Any

from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_json, paint, printable
from filterd.cli.times import clock_text
from filterd.config.types import show_size
from filterd.control.client import call
from filterd.report.batch import SIGNS, SITES_LABELLED, SITES_UNLABELLED

EXAMPLES = """\
  filterd report status                   what waits, what was sent, what stands in the way
  filterd report --show-next              what will leave next, in words
  filterd report --show-next --json       the same, byte for byte as it is sent
"""
NOTHING = "nothing leaves this node: no `feed.hub` in the configuration, or it is just starting"
_SITES = {
    SITES_LABELLED: "sites of .vn with an age label",
    SITES_UNLABELLED: "sites of .vn without an age label",
}
Json = Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", nargs="?", choices=["status"], default="status", help="(default)")
    parser.add_argument("--show-next", action="store_true", help="print what will leave next")
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and print."""
    config, _ = read_config(config_path(args.config, os.environ))
    control = Paths.of(config, os.environ).control
    if args.show_next:
        return _show_next(call(control, "report-next"), config.timezone, as_json=args.json)
    told: dict[str, Json] = call(control, "report-status")
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
    elif not told:
        print(NOTHING)
    else:
        _show_status(told, config.timezone)
    return Exit.PROBLEM if told and _problems(told) else Exit.OK


def _problems(told: dict[str, Json]) -> list[str]:
    places = (told["sent"], told["spool"], told["receipts"])
    return [each["problem"] for each in places if each["problem"]]


def _show_status(told: dict[str, Json], zone: str) -> None:
    spool, sent, receipts = told["spool"], told["sent"], told["receipts"]
    enrolled = told["enrolled"]
    name = "not enrolled" if enrolled is None else f"enrolled as {enrolled['name']}"
    print(f"hub       {printable(told['hub'])}, {printable(name)}")
    last = "nothing yet" if sent["at"] is None else f"last at {clock_text(sent['at'], zone)}"
    print(f"sent      {sent['batches']} batches, {sent['receipts']} receipts, {last}")
    oldest = "" if spool["oldest"] is None else f", oldest {clock_text(spool['oldest'], zone)}"
    print(f"waiting   {spool['batches']} batches, {receipts['waiting']} receipts{oldest}")
    print(f"spool     {spool['size']:,} bytes of {show_size(spool['most'])}")
    print(f"dropped   {spool['dropped']} rows, {spool['merged']} times made coarser")
    print(f"refused   {spool['refused']} batches, {receipts['refused']} receipts")
    if told["level"] == "none":
        print("counts    `privacy.level: none` counts nothing: receipts leave, nothing else")
    for problem in _problems(told):
        print(f"{paint('problem', 'red')}   {printable(problem)}")


def _show_next(leaving: list[dict[str, str]], zone: str, *, as_json: bool) -> int:
    if as_json:
        for each in leaving:
            print(each["body"])
        return Exit.OK
    if not leaving:
        print("nothing waits to leave this node")
    for each in leaving:
        print(f"to {printable(each['to'])}, signed, {len(each['body'].encode()):,} bytes:")
        _show_body(json.loads(each["body"]), zone)
    return Exit.OK


def _show_body(body: dict[str, Json], zone: str) -> None:
    for sealed in body.get("receipts", ()):
        receipt = sealed["receipt"]
        at = clock_text(receipt["observed_at"] / 1000, zone)
        print(f"  receipt: orders up to segment {receipt['size']} seen in force at {at}")
    batch = body.get("batch")
    if batch is None:
        return
    print(f"  batch {batch['sequence']} of node {batch['node'][:16]}…: count, what, age, deed")
    for bucket, span, rule, bracket, deed, count, clients in batch["rows"]:
        when = f"{clock_text(bucket, zone)} +{span // 60} min"
        what = printable(rule) or "-"
        if rule in _SITES:
            print(f"  {when}  {count:>8} {_SITES[rule]}")
        elif rule in SIGNS:
            print(f"  {when}  {count:>8} signs of going round ({SIGNS[rule].value}), age {bracket}")
        else:
            print(f"  {when}  {count:>8} x {deed} {what}, age {bracket}, {clients} clients")
    for day, domain, count, clients in batch["candidates"]:
        print(f"  {clock_text(day, zone)}  {count:>8} x {printable(domain)}, {clients} clients")


COMMAND = Command("report", EXAMPLES, arguments, run)
