"""`filterd check`: is this configuration usable? Every problem at once."""

import argparse
import json
import os
from pathlib import Path

from filterd.app.client_doubts import client_doubts
from filterd.app.parts import local_data
from filterd.app.paths import config_path, read_config
from filterd.app.ruling import Inputs, Ruling, build_ruling
from filterd.cli.base import Command, Exit, add_config, add_json, paint
from filterd.model.errors import ConfigError
from filterd.model.group import ListSpec

EXAMPLES = """\
  filterd check -c config.yaml
  filterd check -c config.yaml --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check, and say what is wrong."""
    path = config_path(args.config, os.environ)
    where = str(path) if path is not None else "built-in defaults"
    try:
        ruling = checked(path)
    except ConfigError as error:
        if not args.json:
            raise
        print(json.dumps({"config": where, "ok": False, "problems": list(error.problems)}))
        return Exit.USAGE
    doubts = list(
        client_doubts(
            ruling.inputs.config, {group.name: group.age for group in ruling.school.groups}
        )
    )
    missing = {spec.name: why for spec in ruling.school.lists if (why := _missing(spec))}
    code = Exit.PROBLEM if missing else Exit.OK
    if args.json:
        facts = {
            "config": where,
            "ok": True,
            "problems": [],
            "missing": missing,
            "warnings": [f"clients.{name}: {text}" for name, text in doubts],
            "groups": [group.name for group in ruling.school.groups],
            "lists": [spec.name for spec in ruling.school.lists],
        }
        print(json.dumps(facts, ensure_ascii=False))
        return code
    print(f"{where}: {paint('good', 'green')}")
    for group in ruling.school.groups:
        networks = [net for net, name in ruling.school.networks if name == group.name]
        note = " (everyone else)" if group.name == ruling.school.default_group else ""
        print(f"  group {group.name:<16} age {group.age:>2}  {', '.join(networks)}{note}")
    for spec in ruling.school.lists:
        print(f"  list  {spec.name:<16} {spec.format:<10} {spec.url or spec.path}")
        if why := missing.get(spec.name):
            print(f"        {paint(why, 'yellow')}")
    for name, text in doubts:
        print(f"  client {name}: {paint(text, 'yellow')}")
    used = {block.schedule for group in ruling.school.groups for block in group.blocks}
    for schedule in ruling.school.schedules:
        if schedule.name not in used:
            note = "no group uses it, so it blocks nothing; name it under a group's `schedules`"
            print(f"  schedule {schedule.name}: {paint(note, 'yellow')}")
    return code


def checked(path: Path | None) -> Ruling:
    """Return what the configuration in `path` makes of everything that it names.

    Raises:
        ConfigError: it is not usable; every problem.
    """
    config, book = read_config(path)
    local_data(config)
    return build_ruling(Inputs(config, book), 0.0, 1)


def _missing(spec: ListSpec) -> str | None:
    """Say why the list's own file cannot be read now. It may still come, so it is no problem."""
    if spec.path is None:
        return None
    try:
        with Path(spec.path).open("rb"):
            return None
    except OSError as error:
        return f"cannot be read: {error.strerror}; nothing of this list is blocked until it can"


COMMAND = Command("check", EXAMPLES, arguments, run)
