"""`filterd`: finds the command, runs it, turns what goes wrong into one clear line."""

import argparse
import errno
import importlib
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from filterd import __version__
from filterd.cli.base import Command, Exit, complain
from filterd.model.errors import ConfigError, ControlError, FilterdError

# One file per command, in the order of --help, with what --help says of it. A command's file is
# read when it is called for: the configuration's schema and the HTTP client alone take longer to
# load than most commands to run.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "serve": "answer DNS queries, filtered",
        "check": "check a configuration",
        "explain": "why a name or URL is blocked or not",
        "decide": "decide questions given as JSON lines",
        "query": "ask the running daemon a DNS question",
        "lists": "look at and change the rule lists",
        "log": "show what was blocked, as far as it is kept",
        "reload": "have the daemon read everything again",
        "override": "open a name for a while, with a reason",
        "rule": "block or allow a name at once",
        "case": "what is said to be blocked by mistake",
        "feed": "the ministry's feed on this node",
        "report": "what leaves for the ministry's hub, and how that goes",
        "authority": "keys, trust root and authorities",
        "order": "write, sign, publish and revoke orders",
        "hub": "serve the ministry's side and look at it",
        "media": "sets of hashes of known pictures",
        "handoff": "records of known pictures that were seen, for the hotline",
        "http": "filter HTTP and HTTPS beside the daemon",
        "gateway": "set the firewall of a gateway (nftables)",
        "setup": "set up a box: a short dialogue",
        "backup": "write configuration, keys and decisions to a file",
        "restore": "put back what `filterd backup` wrote",
        "who": "show where the clients are now",
        "bypass": "show signs of going round the filter, by group",
        "health": "say whether clients should be sent here",
        "demo": "the ministry's loop on this machine",
        "completion": "print completion for a shell",
    }
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
    """Return the command called so in `COMMANDS`."""
    command = importlib.import_module(f"filterd.cli.{name}").COMMAND
    assert isinstance(command, Command)
    return command


def build_parser(names: Collection[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the command line; only the commands called `names` know their words."""
    parser = argparse.ArgumentParser(
        prog="filterd",
        description="DNS filtering for schools and internet providers, by the age of the pupil.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"filterd {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in names:
            command = load(name)
            sub.epilog = f"examples:\n{command.examples}{CODES}" if command.examples else None
            command.arguments(sub)
            sub.set_defaults(run=command.run, parser=parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `filterd` with `argv` and return its exit code."""
    # Else it looks through all that is installed for plugins, which takes a quarter of a start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    words = sys.argv[1:] if argv is None else list(argv)
    called = next((word for word in words if not word.startswith("-")), "")
    arguments = build_parser(COMMANDS if called == WHOLE else (called,)).parse_args(words)
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
