"""`filterd http`: the HTTP filter beside the daemon."""

import argparse
import asyncio
import datetime as dt
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filterd.app.handing_over import FOLDER
from filterd.app.http_authority import PUBLIC_FILE, fingerprint, make_authority
from filterd.app.http_serving import interpreter, serve_http, settings_of
from filterd.app.owner import become_owner, give_to_owner
from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Command, Exit, add_config, add_examples, complain
from filterd.config.schema import Config
from filterd.http.rules import RULING

EXAMPLES = """\
  filterd http check -c config.yaml      what is missing before it can serve
  filterd http ca new --site "School"    the site's own authority, for what is decrypted
  filterd http ca show                   where it is, and its fingerprint
  filterd http serve -c config.yaml      filter HTTP beside `filterd serve`
  kill -HUP PID                          put new workers in the place of the old
"""
TRY_SECONDS = 60
MOST_GROUPS = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="what", metavar="COMMAND", required=True)
    serve = commands.add_parser("serve", help="run the workers until told to stop")
    add_config(serve)
    serve.add_argument(
        "--group",
        type=_group,
        metavar="N",
        help="share the addresses with other groups, so that one is restarted while another serves",
    )
    check = commands.add_parser("check", help="say what is missing before it can serve")
    add_config(check)
    authority = commands.add_parser("ca", help="make or show the site's own authority")
    authority.add_argument("act", choices=("new", "show"), help="make it once; show it")
    authority.add_argument(
        "--site", default="filterd", help="the name that devices show for it (default: filterd)"
    )
    add_config(authority)
    add_examples(commands, EXAMPLES)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    config, book = read_config(config_path(args.config, os.environ))
    paths = Paths.of(config, os.environ)
    if args.what == "ca":
        return _authority(args, config.http.ca or paths.state / FOLDER / "ca", paths)
    settings = settings_of(config, book, paths)
    python = interpreter(config, Path(sys.prefix))
    if args.what == "check":
        return _check(config, paths, python, inspecting=settings["inspecting"])
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    asyncio.run(serve_http(config, book, paths, python, _say, group=args.group))
    return Exit.OK


def _group(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_GROUPS:
        raise argparse.ArgumentTypeError(f"a group is a number from 1 to {MOST_GROUPS}")
    return int(text)


def _authority(args: argparse.Namespace, folder: Path, paths: Paths) -> int:
    public = folder / PUBLIC_FILE
    if args.act == "new":
        if folder.is_relative_to(paths.state):
            become_owner(paths)
        public = make_authority(folder, args.site, dt.datetime.now(dt.UTC))
        if not folder.is_relative_to(paths.state):
            give_to_owner(paths, folder, *folder.iterdir())
        print("Devices whose connections are decrypted must trust this certificate.")
    elif not public.is_file():
        complain(f"there is no authority in {folder}; `filterd http ca new` makes one")
        return Exit.PROBLEM
    print(public)
    print(f"SHA-256 {fingerprint(public)}")
    return Exit.OK


def _check(config: Config, paths: Paths, python: Path, *, inspecting: bool) -> int:
    words = [str(python), "-c", "import mitmproxy.version as v, filterd.core; print(v.VERSION)"]
    done = subprocess.run(  # noqa: S603 - the operator's own interpreter
        words, capture_output=True, text=True, timeout=TRY_SECONDS, check=False
    )
    if done.returncode:
        complain(f"{python} cannot run the HTTP filter: {done.stderr.strip()[-300:]}")
        return Exit.PROBLEM
    print(f"interpreter: {python} with mitmproxy {done.stdout.strip()}")
    doors = (*config.http.listen.explicit, *config.http.listen.transparent)
    print(f"listens on:  {', '.join(map(str, doors))}, {config.http.workers} worker(s)")
    print(f"decrypts:    {'what http.inspect names' if inspecting else 'nothing'}")
    ruling = paths.state / FOLDER / RULING
    if not ruling.is_file():
        complain("no rules were handed over yet; start `filterd serve` with this configuration")
        return Exit.PROBLEM
    print("rules:       handed over")
    print(f"never:       {_never(json.loads(ruling.read_bytes())['never_decrypt'])}")
    return Exit.OK


def _never(said: Mapping[str, Any]) -> str:
    """Return in words what is never decrypted, and who says so."""
    version = said.get("version")
    whose = "of the package" if version is None else f"of the feed, version {version}"
    return f"{len(said['core'])} names {whose}; {len(said['added'])} added here"


def _say(line: str) -> None:
    print(line, flush=True)


COMMAND = Command("http", EXAMPLES, arguments, run)
