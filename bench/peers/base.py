"""What a peer is: a name in the table, and a function that writes its configuration."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.names import lines

SBIN = "/usr/sbin:/usr/local/sbin"
SOA = "$TTL 300\n@ IN SOA localhost. root.localhost. ( 1 3600 600 86400 300 )\n@ IN NS localhost.\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer is to run: its own folder, its port, the list, and the upstream's port."""

    folder: Path
    port: int
    names: Path
    upstream: int

    def write(self, name: str, text: str) -> Path:
        """Write a file of the peer's folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def write_names(self, name: str, head: str, line: str) -> Path:
        """Write a file with one `line` for each name of the list, which stands for `{}`."""
        path = self.folder / name
        before, *between, after = line.split("{}")
        with path.open("w", encoding="ascii") as out:
            out.write(head)
            for each in lines(self.names):
                out.write(before + "".join(each + part for part in between) + each + after)
        return path

    def write_rpz(self) -> Path:
        """Write the list as a response policy zone: each name and all below it do not exist."""
        return self.write_names("rpz.zone", SOA, "{} CNAME .\n*.{} CNAME .\n")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that may be measured: the program it needs and how it is started there.

    `command` writes the configuration and returns what to run; None: it is not known how.
    """

    name: str
    program: str
    command: Callable[[str, Place], list[str]] | None

    def found(self) -> str | None:
        """Return the program's path where it is installed."""
        return shutil.which(self.program) or shutil.which(self.program, path=SBIN)
