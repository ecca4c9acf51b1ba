"""Whether a file that a person changed and keeps still fits those that setup writes beside it.

systemd hands the daemon sockets that its configuration must name, Unbound is asked at one address,
the firewall and masquerading are for the same interfaces. Written halves that do not fit leave a
school without names, so they are told before anything is written.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from filterd.config.addresses import ListenAddress, read_listen, read_upstream
from filterd.config.load import loads
from filterd.config.schema import Config
from filterd.config.setup import SetupConfig
from filterd.setup import configuration as made
from filterd.setup.files import CONFIG, EGRESS_UNIT, SOCKETS, UNBOUND, UPLINK

PRIVILEGED = 1024  # below it the daemon has only doors that systemd opened


@dataclass(frozen=True, slots=True)
class Clash:
    """`key` of the kept file `path`: what the answers need there, and what is there; "" is
    nothing.
    """

    path: str
    key: str
    wanted: str
    there: str


def in_configuration(
    answers: SetupConfig, kept: Config, left: Collection[str], gone: Collection[str]
) -> tuple[Clash, ...]:
    """Return what of the configuration that is kept does not fit. `left`: files that stay as a
    person changed them; `gone`: those that setup takes away. All are paths of `files.py`.
    """
    wanted = loads(made.config_text(answers))
    found = [] if SOCKETS in left else [*_listen(wanted, kept)]
    moved = bool(found) and not _hosts(wanted) <= _hosts(kept)
    found += _gateway(wanted, kept, natted=answers.masquerade and UPLINK not in left)
    servers = (kept.upstream.servers, *kept.upstream.zones.values())
    asked = {each for some in servers for each in some}
    # Where it is asked and not ours to take away, somebody else's answers.
    if UNBOUND in gone and read_upstream(made.UNBOUND) in asked:
        found.append(_clash("upstream.servers", wanted.upstream.servers, kept.upstream.servers))
    if EGRESS_UNIT in gone and kept.gateway.egress.groups:
        found.append(_clash("gateway.egress.groups", (), kept.gateway.egress.groups))
    if wanted.http.on != kept.http.on or moved:  # the firewall would send the web where nobody is
        found.append(_clash("http.listen", _web(wanted), _web(kept)))
    return tuple(found)


def in_sockets(answers: SetupConfig, text: str) -> tuple[Clash, ...]:
    """Return what of the sockets' file that is kept, `text`, does not fit a new configuration. What
    cannot be read there is left to whoever wrote it.
    """
    wanted = loads(made.config_text(answers)).listen
    found = []
    for key, doors in (("ListenDatagram", wanted.udp), ("ListenStream", wanted.tcp)):
        held = [line.partition("=")[2].strip() for line in text.splitlines()
                if line.partition("=")[0].strip() == key]  # fmt: skip
        try:
            there = tuple(read_listen(each) for each in held if each)
        except ValueError:
            return ()
        if set(there) != set(doors):
            found.append(Clash(SOCKETS, key, _words(doors), _words(there)))
    return tuple(found)


def _listen(wanted: Config, kept: Config) -> Iterator[Clash]:
    for kind in ("udp", "tcp"):
        new: tuple[ListenAddress, ...] = getattr(wanted.listen, kind)
        old: tuple[ListenAddress, ...] = getattr(kept.listen, kind)
        if {each for each in old if each.port < PRIVILEGED} != set(new):
            yield _clash(f"listen.{kind}", new, old)


def _gateway(wanted: Config, kept: Config, *, natted: bool) -> Iterator[Clash]:
    new, old = wanted.gateway, kept.gateway
    if new.on != old.on or (natted and set(new.lan) != set(old.lan)):
        yield _clash("gateway.lan", new.lan, old.lan)
    if new.on and natted and set(new.uplink) != set(old.uplink):
        yield _clash("gateway.uplink", new.uplink, old.uplink)


def _web(config: Config) -> tuple[ListenAddress, ...]:
    return (*config.http.listen.explicit, *config.http.listen.transparent)


def _hosts(config: Config) -> set[str]:
    return {each.host for each in _web(config)}


def _clash(key: str, wanted: Iterable[object], there: Iterable[object]) -> Clash:
    return Clash(CONFIG, key, _words(wanted), _words(there))


def _words(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
