"""What every command shares: its shape, its exit codes, and how it speaks to a person."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TextIO


class Exit(IntEnum):
    """Exit codes; scripts depend on them."""

    OK = 0
    PROBLEM = 1  # the command ran and found something wrong: bad lines, held lists, a block
    USAGE = 2  # the command line, the configuration or a file given on it cannot be used
    UNAVAILABLE = 3  # the daemon or the hub cannot be reached, or an address or file is taken


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand. `run` gets the parsed arguments and returns an exit code."""

    name: str
    examples: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "dim": "2"}


_NOTHING: Mapping[str, str] = {}


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """Return `text` in a colour or weight if `stream` (stdout) is a terminal that wants it."""
    stream = stream or sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def printable(text: str) -> str:
    """Return `text` with whatever could steer a terminal or turn a line around written out:
    lists, servers and names are other people's text.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def complain(message: str) -> None:
    """Say on stderr what is wrong."""
    lines = "\n".join(map(printable, message.split("\n")))
    print(f"{paint('filterd:', 'red', sys.stderr)} {lines}", file=sys.stderr)


def add_examples(commands: Any, examples: str, about: Mapping[str, str] = _NOTHING) -> None:
    """Complete the help of each subcommand: its purpose, those of a command's `examples` that run
    it, and for each argument that says nothing what `about` says of its option or metavar.
    """
    lines = examples.splitlines()
    purposes = {each.dest: each.help for each in commands._choices_actions}  # noqa: SLF001 - argparse
    for name, parser in commands.choices.items():
        if parser.description is None:
            parser.description = purposes[name][0].upper() + purposes[name][1:] + "."
        for each in parser._actions:  # noqa: SLF001 - names neither
            if each.help is None:
                each.help = about.get((each.option_strings or [each.metavar])[-1])
        shown: list[str] = []
        going = False
        for line in lines:
            words = line.split()
            going = (
                words[2:3] == [name] if words[:1] == ["filterd"] else going and line[:6] == " " * 6
            )
            shown += [line] * going
        if shown and parser.epilog is None:
            parser.epilog = "\n".join(["examples:", *shown, ""])
            parser.formatter_class = argparse.RawDescriptionHelpFormatter


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="configuration file (default: $FILTERD_CONFIG, else /etc/filterd/config.yaml "
        "where it exists, else built-in defaults for trying out on loopback)",
    )
