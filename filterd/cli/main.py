"""`filterd`: finds the command, runs it, turns what goes wrong into one clear line."""

import argparse
import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from filterd import __version__
from filterd.cli.base import Command, Exit, complain
from filterd.model.errors import ConfigError, ControlError, FilterdError

# One file per command, in the order of --help. A command's file is read when it is called for: the
# configuration's schema and the HTTP client alone take longer to load than most commands to run.
COMMANDS: tuple[str, ...] = (
    "serve",
    "check",
    "explain",
    "decide",
    "query",
    "lists",
    "log",
    "reload",
    "override",
    "rule",
    "case",
    "feed",
    "report",
    "authority",
    "order",
    "hub",
    "media",
    "handoff",
    "http",
    "gateway",
    "setup",
    "backup",
    "restore",
    "who",
    "bypass",
    "health",
    "demo",
    "completion",
)
WHOLE = "completion"  # it is made from the whole command line

EPILOG = """\
exit codes:
  0  done, nothing wrong
  1  done, and something was found: a bad line, a held list, a blocked name (query)
  2  the command line, the configuration or a file named on it cannot be used
  3  the daemon or the hub cannot be reached, or an address is taken

start with:
  filterd serve                     a filtering resolver on loopback, to try things out
  filterd check -c config.yaml      every problem of a configuration at once
  filterd explain tiktok.com --group grade-3
"""
CODES = "\nexit codes: see `filterd --help`\n"
_ADVICE = {
    errno.EADDRINUSE: "; `ss -lnptu` shows which program listens there",
    errno.EADDRNOTAVAIL: "; `ip address` shows the addresses that this machine has",
    errno.ENOSPC: "; free some space",
    errno.EROFS: "; choose a `state_dir` that can be written",
}


def load(name: str) -> Command:
    """Return a command of `COMMANDS`."""
    command = importlib.import_module(f"filterd.cli.{name}").COMMAND
    assert isinstance(command, Command)
    return command


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the command line with the commands called `names`."""
    parser = argparse.ArgumentParser(
        prog="filterd",
        description="DNS filtering for schools and internet providers, by the age of the pupil.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"filterd {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in map(load, names):
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            epilog=f"examples:\n{command.examples}{CODES}" if command.examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(sub)
        sub.set_defaults(run=command.run, parser=parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `filterd` with `argv` and return its exit code."""
    # Else it looks through all that is installed for plugins, which takes a quarter of a start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    words = sys.argv[1:] if argv is None else list(argv)
    only = [word for word in words[:1] if word in COMMANDS and word != WHOLE]
    arguments = build_parser(only or COMMANDS).parse_args(words)
    try:
        return int(arguments.run(arguments))
    except ConfigError as error:
        number = len(error.problems)
        noun = "problem" if number == 1 else "problems"
        named = getattr(arguments, "config", None) or os.environ.get("FILTERD_CONFIG")
        which = f"the configuration {named}" if named else "the configuration"
        complain(f"{which} has {number} {noun}, nothing was started or changed:")
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return Exit.USAGE
    except ControlError as error:
        complain(str(error))
        return Exit.UNAVAILABLE
    except FilterdError as error:
        complain(str(error))
        return Exit.USAGE
    except BrokenPipeError:
        # A reader such as `head` has gone; ending quietly is what tools do. Python would complain
        # once more when it flushes standard output at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        return _refused(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _refused(error: OSError) -> Exit:
    """Say what the system refused, to what, and where to look."""
    # Of a rename, it is the second name that somebody wrote on the command line.
    what, where = error.strerror or str(error), error.filename2 or error.filename
    if isinstance(error, FileNotFoundError):
        above = Path(os.fsdecode(where)).parent if where else None
        if above is not None and not above.is_dir():
            complain(f"no such folder: {above}; make it, or name another")
        else:
            complain(f"no such file or folder: {where}")
    elif isinstance(error, IsADirectoryError):
        complain(f"{where} is a folder; name a file")
    elif isinstance(error, PermissionError):
        complain(f"not allowed: {where or what}; try as root or as the user filterd")
    elif isinstance(error, (FileExistsError, NotADirectoryError)):
        complain(f"{where}: {what}; look at `state_dir` and at the paths you named")
    else:
        place = f"{where}: " if where else ""
        complain(f"{place}{what}{_ADVICE.get(error.errno or 0, '')}")
        return Exit.UNAVAILABLE
    return Exit.USAGE


if __name__ == "__main__":
    sys.exit(main())
