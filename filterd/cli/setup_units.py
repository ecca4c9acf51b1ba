"""After the files are written: Unbound and the services, where systemd runs."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from filterd.cli.base import complain
from filterd.cli.setup_running import ran
from filterd.config.setup import SetupConfig
from filterd.setup.files import CONFIG, DNSMASQ, SOCKETS, UNBOUND, UPLINK

UNITS = Path("/usr/lib/systemd/system")
RUNNING = Path("/run/systemd/system")  # sd_booted(3): there while systemd is the init
SECONDS = 300  # the daemon has 80 to stop and 180 to start: a first start compiles lists
GATEWAY, SOCKET, SERVICE = "filterd-gateway.service", "filterd.socket", "filterd.service"
HTTP, BYPASS = "filterd-http@1.service", "filterd-bypass.timer"
LINK = Path("/etc/dnsmasq.d/filterd.conf")  # made by hand, where dnsmasq is to read ours
_SBIN = "/usr/sbin:/sbin"


def units(answers: SetupConfig) -> dict[str, bool]:
    """Return our units that setup looks after, in the order of starting, and which are wanted."""
    return {
        GATEWAY: answers.gateway,
        SOCKET: True,
        SERVICE: True,
        HTTP: answers.http,
        BYPASS: answers.gateway,
    }


def put_in_force(
    answers: SetupConfig, said: Mapping[str, str], changed: Collection[str], *, live: bool
) -> bool:
    """Have the machine be what the files say; `changed`: paths of `files.py` that were written.
    Returns whether all of it worked; what did not is told. Where systemd does not run, it is told
    what is to be done.
    """
    _tell_missing(answers, said)
    if not live:
        return True
    there = {name: runs for name, runs in units(answers).items() if _installed(name)}
    todo = commands(answers, there, changed, linked=LINK.is_symlink())
    if not RUNNING.is_dir():
        print(said["no_systemd"])
        for words in todo:
            print(f"  {' '.join(words)}")
        return True
    good = True
    for words in todo:
        _, why = ran(words, SECONDS)
        if why is not None:
            complain(said["failed"].format(words=" ".join(words), why=why))
            good = False
    if good:
        running = (name for name, runs in there.items() if runs)
        print(said["started"].format(units=", ".join(running)))
    return good


def commands(
    answers: SetupConfig,
    there: Mapping[str, bool],
    changed: Collection[str],
    *,
    linked: bool = False,
) -> list[tuple[str, ...]]:
    """Return what is to be run. `there`: units that are installed, and whether they are wanted;
    `linked`: dnsmasq reads our file.
    """
    found: list[tuple[str, ...]] = [("systemctl", "daemon-reload")]
    if not answers.upstream:
        found.append(("systemctl", "restart" if UNBOUND in changed else "start", "unbound.service"))
    if gone := [name for name, runs in there.items() if not runs]:
        found.append(("systemctl", "disable", "--now", *gone))
    if GATEWAY in gone and CONFIG in changed:  # the table outlives its service
        found.append(("filterd", "gateway", "remove"))
    if UPLINK in changed and not (answers.gateway and answers.masquerade):
        found.append(("nft", "delete", "table", "ip", "filterd_uplink"))
    wanted = [name for name, runs in there.items() if runs]
    if wanted:
        found.append(("systemctl", "enable", *wanted))
    if SOCKET in wanted and SOCKETS in changed:
        # systemd opens no socket for a service that runs, and keeps those it has.
        found += [("systemctl", "stop", SERVICE), ("systemctl", "restart", SOCKET)]
    for name in wanted:
        again = changed and name != SOCKET
        found.append(("systemctl", "restart" if again else "start", name))
    if DNSMASQ in changed and linked:
        if not answers.dhcp:  # it does not start with a link that leads nowhere
            found.append(("rm", "-f", str(LINK)))
        found.append(("systemctl", "try-restart", "dnsmasq.service"))
    return found


def http_is_there() -> bool:
    """Whether this machine has the HTTP filter, which is a package of its own."""
    return _installed(HTTP)


def _installed(unit: str) -> bool:
    return (UNITS / unit.replace("@1.", "@.")).is_file()


def _tell_missing(answers: SetupConfig, said: Mapping[str, str]) -> None:
    needed = {"unbound": "unbound"} if not answers.upstream else {}
    needed |= {"nft": "nftables"} if answers.gateway else {}
    needed |= {"dnsmasq": "dnsmasq"} if answers.dhcp else {}
    for program, package in needed.items():
        if shutil.which(program) is None and shutil.which(program, path=_SBIN) is None:
            print(said["missing"].format(program=program, package=package))
    if answers.http and not _installed(HTTP):
        print(said["missing"].format(program=HTTP, package="./filterd-http_*.deb"))
