"""Other servers with the same names, where they are installed: only for comparison.

Each is one function that writes a configuration and gives the command; `SERVERS` lists them.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.places import BUILD, LOOPBACK, ROOT

SBIN = "/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to be: its name in the table and how it is started."""

    name: str
    port: int
    command: list[str]


def _raw(port: int, names: Path, upstream: int) -> list[str]:
    script = str(ROOT / "bench" / "servers" / "raw.py")
    return [sys.executable, script, str(port), str(names), str(upstream)]


def _unbound(port: int, names: Path, upstream: int) -> list[str] | None:
    program = _program("unbound")
    if program is None:
        return None
    zones, config = BUILD / "unbound-zones.conf", BUILD / "unbound.conf"
    with zones.open("w", encoding="ascii") as out:
        out.write("server:\n")
        out.writelines(f'local-zone: "{name}." always_nxdomain\n' for name in _lines(names))
    config.write_text(
        "server:\n"
        f'interface: {LOOPBACK}@{port}\ndo-daemonize: no\nusername: ""\nchroot: ""\n'
        f'directory: "{BUILD}"\npidfile: ""\nuse-syslog: no\nnum-threads: 1\n'
        'module-config: "iterator"\ndo-not-query-localhost: no\nso-rcvbuf: 0\n'
        "msg-cache-size: 64m\nrrset-cache-size: 64m\nlocal-zone: example. nodefault\n"
        f'include: "{zones}"\n'
        "remote-control:\ncontrol-enable: no\n"
        f'forward-zone:\nname: "."\nforward-addr: {LOOPBACK}@{upstream}\n',
        encoding="ascii",
    )
    return [program, "-d", "-p", "-c", str(config)]


def _dnsmasq(port: int, names: Path, upstream: int) -> list[str] | None:
    program = _program("dnsmasq")
    if program is None:
        return None
    servers = BUILD / "dnsmasq.servers"
    with servers.open("w", encoding="ascii") as out:
        out.writelines(f"server=/{name}/\n" for name in _lines(names))
    own = ["-k", "-C", "/dev/null", "-R", "-h", "--bind-interfaces", "--cache-size=50000"]
    where = [f"--port={port}", f"--listen-address={LOOPBACK}", f"--server={LOOPBACK}#{upstream}"]
    return [program, *own, *where, f"--servers-file={servers}", "--user=root"]


def _program(name: str) -> str | None:
    found = shutil.which(name) or shutil.which(name, path=SBIN)
    if found is None:
        print(f"left out: {name} is not installed", file=sys.stderr)
    return found


def _lines(names: Path) -> Iterator[str]:
    with names.open(encoding="ascii") as lines:
        for line in lines:
            yield line.rstrip("\n")


SERVERS: tuple[tuple[str, Callable[[int, Path, int], list[str] | None]], ...] = (
    ("plain Python", _raw),
    ("unbound", _unbound),
    ("dnsmasq", _dnsmasq),
)
