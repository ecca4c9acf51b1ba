"""`filterd explain`: why a name or a URL is blocked or not, step by step."""

import argparse
import json
import os
import time
from dataclasses import asdict
from typing import Any

from filterd.app.parts import current_inputs
from filterd.app.paths import Paths, config_path, read_config
from filterd.app.request_deciding import open_requests
from filterd.app.ruling import Ruling, build_ruling
from filterd.cli.base import Command, Exit, add_config, add_json, paint, printable
from filterd.cli.times import clock_text, moment, qtype_name, qtype_number
from filterd.cli.web_question import REQUEST_TYPES, abp_request, web_question
from filterd.formats.names import normalise
from filterd.formats.urls import read_url
from filterd.model.errors import FilterdError
from filterd.model.verdict import Kind
from filterd.policy.abp_rules import AbpRequest
from filterd.policy.classes import ClassTable, source_of
from filterd.policy.explain import Asked, Decided, Explanation, Rules, walk
from filterd.policy.explain_text import render

EXAMPLES = """\
  filterd explain tiktok.com --group grade-3
  filterd explain zalo.me --client 10.1.3.7 --type AAAA
  filterd explain youtube.com --group grade-3 --at 2026-09-07T08:30
  filterd explain https://example.com/games/1 --group grade-3
  filterd explain https://example.com/a.js --request-type script --source https://example.net/
  filterd explain ads.example.com --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", help="the domain name, or a URL")
    parser.add_argument("--type", default="A", metavar="TYPE", help="record type (default: A)")
    parser.add_argument(
        "--request-type",
        choices=sorted(REQUEST_TYPES),
        help="of a URL: what it is asked for, on which abp-url lists depend (default: document)",
    )
    parser.add_argument("--source", metavar="URL", help="of a URL: the page that asks for it")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--client", metavar="IP", help="decide as for this address")
    who.add_argument("--group", metavar="G", help="decide as for this group")
    parser.add_argument(
        "--at", metavar="TIME", help="at this moment, such as 2026-09-07T08:30 (default: now)"
    )
    parser.add_argument("--language", choices=("vi", "en"), help="default: as configured")
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Explain one name or URL."""
    config, book = read_config(config_path(args.config, os.environ))
    at = moment(args.at, config.timezone) if args.at else time.time()
    inputs = current_inputs(config, book, Paths.of(config, os.environ))
    # The plan is made for the moment asked about, so that past and far future are right too.
    ruling = build_ruling(inputs, at, 1)
    name = "".join(read_url(args.name)) if "/" in args.name else normalise(args.name)
    qtype = qtype_number(args.type)
    try:
        explanation = explain(ruling, name, qtype, at, args)
    except KeyError as error:
        known = ", ".join(group.name for group in ruling.school.groups)
        raise FilterdError(f"{error.args[0]}; known groups: {known}") from None
    except ValueError as error:
        raise FilterdError(str(error)) from None
    if args.json:
        print(json.dumps(_data(explanation), ensure_ascii=False))
        return Exit.OK
    zone = config.timezone
    what = "URL" if "/" in name else qtype_name(qtype)
    when = paint(f"{what}, {clock_text(at, zone)} {zone}", "dim")
    first, *rest = map(printable, render(explanation, args.language or config.language))
    print(paint(first, "bold"))
    print(when)
    for line in rest:
        print(paint(line, "green") if line.startswith(">") else line)
    if config.lists and inputs.lists is None:
        print(paint("no list is compiled yet: run `filterd lists update`", "yellow"))
    return Exit.OK


def explain(
    ruling: Ruling, name: str, qtype: int, at: float, args: argparse.Namespace
) -> Explanation:
    """Return the walk for one question; `name` with a slash is a URL. KeyError: no such group;
    ValueError: no such client.
    """
    asking = {"client": args.client, "group": args.group}
    snapshot, tables = ruling.snapshot, ruling.tables
    if "/" in name:
        decision = snapshot.decide_url(name, at, **asking)
        matches = snapshot.matches_url(name, at, **asking)
    else:
        decision = snapshot.decide(name, qtype, at, **asking)
        matches = snapshot.matches(name, qtype, at, **asking)
    decided = Decided(decision.kind, decision.step, decision.class_id, decision.pattern)
    requests = open_requests(ruling) if "/" in name else None
    if requests is not None:
        request, first = _request(args), len(ruling.classes)
        matches = [*matches, *requests.rows(request, decision.group, at, len(tables), first)]
        found = requests.found(request, decision, ruling.classes, at)
        if found is not None:
            kind = Kind.BLOCK if found.blocks else Kind.ALLOW
            decided = Decided(kind, found.rank >> 8, first + found.number, found.rule)
        tables = (*tables, ClassTable(list(requests.rules.classes)))
    return walk(
        Asked(name, qtype, decision.group, at),
        decided,
        matches,
        Rules(ruling.school, ruling.inputs.book, tables),
    )


def _request(args: argparse.Namespace) -> AbpRequest:
    """Return what rules about requests are asked. ValueError: a source that is no URL."""
    asked = {"url": args.name, "source_url": args.source, "request_type": args.request_type}
    return abp_request(args.name, args.source, web_question(asked))


def _data(explanation: Explanation) -> dict[str, Any]:
    asked, decided = explanation.asked, explanation.decided
    return {
        "name": asked.name,
        "type": "URL" if "/" in asked.name else qtype_name(asked.qtype),
        "group": asked.group,
        "age": explanation.age,
        "at": asked.at,
        "verdict": decided.kind,
        "step": decided.step,
        "schedules": [asdict(state) for state in explanation.schedules],
        "steps": [
            {
                "step": line.step.value,
                "name": line.step.name.lower().replace("_", "-"),
                "outcome": line.outcome.value,
                "rules": [
                    {
                        "decides": found.decides,
                        "applies": found.applies,
                        "why": found.why.value,
                        "action": found.rule.action.value,
                        "pattern": found.pattern,
                        "list": source_of(found.rule),
                        "file": found.file or None,
                        "line": found.line or None,
                        "category": found.rule.category,
                        "min_age": found.min_age,
                    }
                    for found in line.found
                ],
            }
            for line in explanation.lines
        ],
    }


COMMAND = Command("explain", EXAMPLES, arguments, run)
