"""`filterd gateway`: the firewall of the machine between a school and the internet."""

import argparse
import json
import os
from typing import Any

from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_examples, add_json, complain, paint
from filterd.config.schema import Config
from filterd.control.client import NobodyError, call
from filterd.gateway import applying, live
from filterd.gateway.build import build_plan
from filterd.gateway.nft import GatewayError
from filterd.gateway.plan import FAMILY, TABLE
from filterd.gateway.text import table
from filterd.gateway.wiring import read_wiring, wiring_doubts
from filterd.gateway.words import NOTES, RULES, SAID, WIRES
from filterd.model.errors import ControlError

EXAMPLES = """\
  filterd gateway plan -c school.yaml       the table as nft will be given it; changes nothing
  filterd gateway apply -c school.yaml      check it, then put it in force in one step (as root)
  filterd gateway status -c school.yaml     is it in force, and what did each rule meet?
  filterd gateway remove -c school.yaml     take our table away, and nothing else
"""
_SHOWN = 5  # destinations on one line
_STYLES = (("chain ", "bold"), ("set ", "bold"), ("map ", "bold"), ("#", "dim"))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="what", metavar="COMMAND", required=True)
    for name, summary, act in (
        ("plan", "print the table that the configuration asks for", _plan),
        ("apply", "put it in force in one step", _apply),
        ("status", "say whether it is in force, and what its rules met", _status),
        ("remove", "take it away", _remove),
    ):
        each = commands.add_parser(name, help=summary)
        add_config(each)
        each.add_argument("--language", choices=("vi", "en"), help="default: as configured")
        if name == "status":
            add_json(each)
        each.set_defaults(act=act)
    add_examples(commands, EXAMPLES)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    config, _ = read_config(config_path(args.config, os.environ))
    args.language = args.language or config.language
    if args.what != "remove" and not config.gateway.on:
        complain("this is no gateway: name the interfaces of the school in `gateway.lan`")
        return Exit.USAGE
    try:
        return int(args.act(args, config))
    except GatewayError as error:
        complain(str(error))
        return Exit.UNAVAILABLE


def _plan(args: argparse.Namespace, config: Config) -> int:
    plan = build_plan(config)
    for key in plan.notes:
        print(paint(f"# {NOTES[args.language][key]}", "yellow"))
    for line in table(plan).splitlines():
        print(paint(line, style) if (style := _style(line.strip())) else line)
    return Exit.OK


def _style(line: str) -> str | None:
    if " reject " in line:
        return "red"
    if " redirect " in line or " dnat " in line:
        return "green"
    return next((style for start, style in _STYLES if line.startswith(start)), None)


def _apply(args: argparse.Namespace, config: Config) -> int:
    plan = build_plan(config)
    changed = applying.apply(plan, _record(config))
    if changed and config.gateway.egress.groups:
        _tell(config)
    for line in changed:
        print(paint(line, "green" if line.startswith("+") else "red"))
    for key in plan.notes:
        print(paint(NOTES[args.language][key], "yellow"))
    _doubt(args, config)
    print(SAID[args.language]["applied"].format(table=_TABLE))
    return Exit.OK


def _doubt(args: argparse.Namespace, config: Config) -> None:
    """Warn where the table is in force and would meet nothing."""
    for key, name in wiring_doubts(config.gateway, read_wiring()):
        complain(WIRES[args.language][key].format(name=name))


def _tell(config: Config) -> None:
    """Have a daemon that runs open again what it opened while the table was made."""
    try:
        call(Paths.of(config, os.environ).control, "gateway-applied")
    except NobodyError:
        return
    except ControlError as error:
        complain(f"the table is in force, but filterd could not be told: {error}")


def _remove(args: argparse.Namespace, config: Config) -> int:
    applying.remove(_record(config))
    print(SAID[args.language]["absent"].format(table=_TABLE))
    return Exit.OK


def _status(args: argparse.Namespace, config: Config) -> int:
    plan = build_plan(config)
    found = applying.standing(plan, _record(config))
    met = live.by_group(plan, found.items).items()
    rows: list[dict[str, Any]]
    rows = [{"group": group, "rule": rule, "packets": number} for (group, rule), number in met]
    learned = live.learned(found.items)
    _doubt(args, config)
    if args.json:
        shown: dict[str, Any] = {"state": found.state, "rules": rows}
        shown["learned"] = {name: [each for each, _ in held] for name, held in learned.items()}
        print(json.dumps(shown, ensure_ascii=False))
    else:
        said = SAID[args.language]
        style = "green" if found.state == "applied" else "red"
        print(paint(said[found.state].format(table=_TABLE), style))
        group = None
        for row in rows if found.items else ():
            if row["group"] != group:
                group = row["group"]
                print(paint(said["group"].format(group=group), "bold"))
            print(f"  {row['packets']:>9}  {RULES[args.language][row['rule']]}")
        for name, held in learned.items():
            first = ", ".join(each for each, _ in held[:_SHOWN])
            what = said["unresolved" if name.startswith("un") else "resolved"]
            if held:
                print(f"  {len(held):>9}  {name}: {what.format(first=first)}")
    return Exit.OK if found.state == "applied" else Exit.PROBLEM


def _record(config: Config) -> Any:
    return Paths.of(config, os.environ).state / applying.FILE


_TABLE = f"{FAMILY} {TABLE}"
COMMAND = Command("gateway", EXAMPLES, arguments, run)
