"""`filterd hub`: the ministry's side: serve it, look at it, say who may speak to it."""

import argparse
import importlib
import logging
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from filterd.cli.base import Command, Exit, add_examples, complain

if TYPE_CHECKING:
    from filterd.config.addresses import ListenAddress
    from filterd.config.hub import HubConfig

EXAMPLES = """\
  filterd hub init -c hub.yaml --operator "An Operator"    once; prints the operator's token
  filterd hub serve -c hub.yaml                            takes orders, receipts and reports
  filterd hub migrate -c hub.yaml                          after an update
  filterd hub people add "An Officer" --role officer       prints the officer's token
  filterd hub invite "Primary school No. 4" --province north
  filterd hub late || echo "somebody is late"              exit code 1: something needs somebody
"""
DEFAULT = "/etc/filterd/hub.yaml"
ENVIRONMENT = "FILTERD_HUB_CONFIG"
# Each has `add(commands)`, which adds subcommands that set `run`.
SIBLINGS: tuple[str, ...] = ("hub_people", "hub_look", "hub_export")
_MISSING = "the hub needs more than a node: in a checkout, pip install '.[hub]'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="hub_command", metavar="COMMAND", required=True)

    serve = commands.add_parser("serve", help="serve nodes and people")
    add_hub_config(serve)
    serve.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes, 1 to 64 (default: the configuration's `workers`, 1)",
    )
    serve.add_argument("--descriptor", type=int, help=argparse.SUPPRESS)
    serve.add_argument("--worker", type=int, default=0, help=argparse.SUPPRESS)
    serve.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    serve.set_defaults(run=_serve)

    init = commands.add_parser("init", help="make the database and its first operator")
    add_hub_config(init)
    init.add_argument("--operator", required=True, metavar="NAME", help="who may add others")
    init.set_defaults(run=_init)

    migrate = commands.add_parser("migrate", help="bring the database to this release")
    add_hub_config(migrate)
    migrate.set_defaults(run=_migrate)

    for name in SIBLINGS:
        importlib.import_module(f"filterd.cli.{name}").add(commands)
    add_examples(commands, EXAMPLES)


def add_hub_config(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        default=os.environ.get(ENVIRONMENT, DEFAULT),
        help=f"the hub's configuration (default: ${ENVIRONMENT}, else {DEFAULT})",
    )


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    try:
        return int(args.run(args))
    except ModuleNotFoundError as error:
        complain(f"{_MISSING} ({error.name} is not there)")
        return Exit.USAGE


def _serve(args: argparse.Namespace) -> int:
    from filterd.config.hub import (  # noqa: PLC0415 - --help must not wait for a web server
        MOST_WORKERS,
        load_hub,
    )
    from filterd.hub import running, workers  # noqa: PLC0415

    logging.basicConfig(
        level="INFO", format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = load_hub(Path(args.config))
    number = config.workers if args.workers is None else args.workers
    if not 1 <= number <= MOST_WORKERS:
        complain(f"--workers is 1 to {MOST_WORKERS}, not {number}")
        return Exit.USAGE
    if args.descriptor is not None:
        listener = socket.socket(fileno=args.descriptor)
        hub = running.open_hub(config, os.environ)
        running.serve(hub, listener, _metrics(config, args.worker), args.parent)
        return Exit.OK
    if number > 1:
        running.open_hub(config, os.environ).database.close()  # says what is wrong, once
        listener = workers.listen_at(config.listen)
        _say(listener, number)
        command = (sys.executable, "-m", "filterd", "hub", "serve", "-c", args.config)
        workers.keep(command, listener, number)
        return Exit.OK
    hub = running.open_hub(config, os.environ)
    listener = workers.listen_at(config.listen)
    _say(listener, 1)
    running.serve(hub, listener, config.metrics)
    return Exit.OK


def _metrics(config: "HubConfig", worker: int) -> "ListenAddress | None":
    address = config.metrics
    return None if address is None else type(address)(address.host, address.port + worker)


def _say(listener: socket.socket, number: int) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    processes = "" if number == 1 else f", processes: {number}"
    print(f"filterd hub listens at http://{shown}:{port}{processes}", flush=True)


def _init(args: argparse.Namespace) -> int:
    from filterd.config.hub import load_hub  # noqa: PLC0415
    from filterd.hub.audit import note  # noqa: PLC0415
    from filterd.hub.database import migrate, open_database  # noqa: PLC0415
    from filterd.hub.people import Role, add_person, list_people  # noqa: PLC0415

    config = load_hub(Path(args.config))
    migrate(config.database)
    database = open_database(config.database)
    now_ms = int(time.time() * 1000)
    with database.write() as connection:
        if list_people(connection):
            complain("there are people already; `filterd hub people add` adds more")
            return Exit.PROBLEM
        token = add_person(connection, args.operator, Role.OPERATOR, now_ms)
        note(
            connection,
            "filterd hub init",
            "add-person",
            args.operator,
            {"role": "operator"},
            now_ms,
        )
    database.close()
    print("the operator's token, shown this once:", file=sys.stderr)
    print(token)
    return Exit.OK


def _migrate(args: argparse.Namespace) -> int:
    from filterd.config.hub import load_hub  # noqa: PLC0415
    from filterd.hub.database import migrate  # noqa: PLC0415

    before, after = migrate(load_hub(Path(args.config)).database)
    print(f"schema {after}" + ("" if before == after else f", before {before or 'nothing'}"))
    return Exit.OK


COMMAND = Command("hub", EXAMPLES, arguments, run)
