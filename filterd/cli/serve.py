"""`filterd serve`: answer queries."""

import argparse
import logging
import os
import sys

from filterd.app.paths import config_path, read_config
from filterd.app.serve import Serving, serve
from filterd.cli.base import Command, Exit, add_config, complain

EXAMPLES = """\
  filterd serve                          built-in defaults on loopback
  filterd serve --demo                   the same with a demonstration and what to try
  filterd serve -c /etc/filterd/config.yaml
  kill -HUP PID                          read configuration and rules again
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument(
        "--demo",
        action="store_true",
        help="bring up a demonstration upstream where none answers, and print what to try",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="least serious message that is logged (default: info)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    logging.basicConfig(
        level=args.log_level.upper(),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # These tell of every request or header; what matters of them, filterd tells itself.
    for chatty in ("httpx", "httpcore", "h2", "hpack"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if args.demo and args.config:
        complain("--demo shows the built-in groups; give it without --config")
        return Exit.USAGE
    path = None if args.demo else config_path(args.config, os.environ)
    config, book = read_config(path)
    serve(Serving(config, book, path, args.demo, _say))
    return Exit.OK


def _say(line: str) -> None:
    print(line, flush=True)


COMMAND = Command("serve", EXAMPLES, arguments, run)
