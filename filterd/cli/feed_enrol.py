"""`filterd feed enrol`: make this node known to the ministry's hub."""

import argparse
import json
import os
import time
from urllib.parse import urlsplit

from filterd.app.enrolling import EnrolmentError, enrol, wanted
from filterd.app.owner import become_owner
from filterd.app.paths import Paths, config_path, read_config
from filterd.cli.base import Exit, add_config, add_json, printable


def add_enrol(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = commands.add_parser("enrol", help="make this node known to the ministry's hub")
    parser.add_argument("code", metavar="CODE", help="from whoever runs the hub; it is good once")
    parser.add_argument("--hub", metavar="URL", help="in the place of `feed.hub`")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(run=_enrol)


def _enrol(args: argparse.Namespace) -> int:
    config, _ = read_config(config_path(args.config, os.environ))
    hub = (args.hub or config.feed.hub or "").rstrip("/")
    if not hub.startswith(("https://", "http://")):
        raise EnrolmentError("which hub? `feed.hub: https://…` in the configuration, or --hub URL")
    try:
        there = urlsplit(hub).port != 0 and urlsplit(hub).hostname
    except ValueError as error:
        raise EnrolmentError(f"not the address of a hub: {hub!r}: {error}") from error
    if not there:
        raise EnrolmentError(f"not the address of a hub: {hub!r}: whose machine is it?")
    if not args.code.strip():
        raise EnrolmentError("the code is empty; whoever runs the hub makes one for this node")
    paths = Paths.of(config, os.environ)
    become_owner(paths)
    folder = paths.state / "feed"
    body = wanted(args.code, folder)
    if not args.json:
        print(f"to {hub} go: the code, the public key {body['key'][3]},")
        print(f"and that this is {body['software']}; nothing else")
    done = enrol(hub, body, folder, int(time.time()))
    if args.json:
        print(json.dumps({"node": done.node, "name": done.name, "hub": hub}, ensure_ascii=False))
        return Exit.OK
    print(f"enrolled as {printable(done.name)}, node {done.node[:16]}…")
    if config.feed.hub is None:
        print(f"now write `feed: {{hub: {hub}}}` into the configuration, and restart filterd")
    else:
        print("`filterd report --show-next` prints what will leave next")
    return Exit.OK
