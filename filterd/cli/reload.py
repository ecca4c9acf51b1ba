"""`filterd reload`: have the daemon read configuration and rules again, or go back."""

import argparse
import json
import os
from typing import Any

from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_json, paint, printable
from filterd.cli.progress import Progress as Bar
from filterd.control.client import call
from filterd.control.messages import Progress

EXAMPLES = """\
  filterd reload                 a bad file changes nothing and is explained
  filterd reload --status        how the daemon is
  filterd lists rollback         go back to the rules before
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--status", action="store_true", help="only show how the daemon is")
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon."""
    config, _ = read_config(config_path(args.config, os.environ))
    socket = Paths.of(config, os.environ).control
    if args.status:
        state = call(socket, "status")
        if args.json:
            print(json.dumps(state, ensure_ascii=False))
        else:
            for line in _lines(state):
                print(line)
        return Exit.PROBLEM if state["not_ready"] or state["warnings"] else Exit.OK
    with Bar("reloading") as bar:

        def tell(progress: Progress) -> None:
            bar.at(progress.done, progress.total, progress.step)

        done = call(socket, "reload", progress=tell, timeout=900.0)
    if args.json:
        print(json.dumps(done))
        return Exit.OK
    print(f"rules in force: generation {done['generation']}")
    if done["needs_restart"]:
        print(paint(f"needs a restart: {', '.join(done['needs_restart'])}", "yellow"))
    return Exit.OK


def _lines(state: dict[str, Any]) -> list[str]:
    reasons = state["not_ready"]
    lines = [
        f"filterd {state['version']}, rules generation {state['generation']}"
        + (f", lists index {state['index']}" if state["index"] is not None else "")
    ]
    lines += [paint(f"  not ready: {printable(reason)}", "red") for reason in reasons]
    lines += [] if reasons else [paint("  ready", "green")]
    lines += _threads(state["doors"]) if "doors" in state else []  # an older daemon has none
    return lines + [
        paint(f"  look at: {printable(warning)}", "yellow") for warning in state["warnings"]
    ]


def _threads(doors: dict[str, Any]) -> list[str]:
    running = {name: f"{doors['running'][name]} of {n}" for name, n in doors["wanted"].items()}
    lost = {"queries": doors["lost"], "replies": doors["unsent"]}
    return [
        f"  threads: {running['udp']} answer UDP, {running['forward']} forward",
        *(f"  lost: {number} {what} over UDP" for what, number in lost.items() if number),
    ]


COMMAND = Command("reload", EXAMPLES, arguments, run)
