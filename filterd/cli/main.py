"""`filterd`: finds the command, runs it, turns what goes wrong into one clear line."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from filterd import __version__
from filterd.cli import (
    check,
    completion,
    decide,
    explain,
    lists,
    log,
    override,
    query,
    reload,
    serve,
)
from filterd.cli.base import Command, Exit, complain
from filterd.model.errors import ConfigError, ControlError, FilterdError

COMMANDS: tuple[Command, ...] = (
    serve.COMMAND,
    check.COMMAND,
    explain.COMMAND,
    decide.COMMAND,
    query.COMMAND,
    lists.COMMAND,
    log.COMMAND,
    reload.COMMAND,
    override.COMMAND,
    completion.COMMAND,
)

EPILOG = """\
exit codes:
  0  done, nothing wrong
  1  done, and something was found: a bad line, a held list, a blocked name (query)
  2  the command line, the configuration or a file named on it cannot be used
  3  the daemon cannot be reached, or an address is taken

start with:
  filterd serve                     a filtering resolver on loopback, to try things out
  filterd check -c config.yaml      every problem of a configuration at once
  filterd explain tiktok.com --group grade-3
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="filterd",
        description="DNS filtering for schools and internet providers, by the age of the pupil.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"filterd {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            epilog=f"examples:\n{command.examples}" if command.examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(sub)
        sub.set_defaults(run=command.run, parser=parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `filterd` with `argv` and return its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ConfigError as error:
        complain(f"the configuration has {len(error.problems)} problem(s), nothing was started:")
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
    except FileNotFoundError as error:
        complain(f"no such file: {error.filename}")
        return Exit.USAGE
    except PermissionError as error:
        complain(f"not allowed: {error.filename or error}; try as root or as the user filterd")
        return Exit.USAGE
    except OSError as error:
        complain(str(error))
        return Exit.UNAVAILABLE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
