"""What should be thought over of how clients are known: ids that change, prove nothing, or that
nobody looks up. Pure.
"""

from collections.abc import Iterator, Mapping

from filterd.config.schema import Config
from filterd.config.who import WhoConfig
from filterd.model.client_id import IdKind, is_randomised, kind_of
from filterd.who.words import SAID

# What a device may make up: its name, and the name that accounting has of EAP's outside.
_SAID_BY_DEVICES = {IdKind.HOST: "host-proves-nothing", IdKind.USER: "user-may-be-claimed"}


def client_doubts(config: Config, ages: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield (client, what to think over), in the configuration's language. `ages`: of groups."""
    said = SAID[config.language]
    default = config.default_group
    for name, client in config.clients.items():
        for known in client.ids:
            kind = kind_of(known)
            if kind is IdKind.MAC and is_randomised(known):
                yield name, said["mac-randomised"].format(id=known)
            if kind in _SAID_BY_DEVICES and ages[client.group] > ages[default]:
                words = said[_SAID_BY_DEVICES[kind]]
                yield name, words.format(id=known, group=client.group, default=default)
            if not _is_looked_up(kind, config.who):
                yield name, said["unsourced"].format(id=known)


def _is_looked_up(kind: IdKind, who: WhoConfig) -> bool:
    leases = bool(who.dnsmasq or who.kea or who.dhcpd)
    sessions = bool(who.radius.listen and who.radius.nas)
    return {
        IdKind.NETWORK: True,
        IdKind.USER: sessions,
        IdKind.CLASS: sessions,
        IdKind.HOST: leases,
        IdKind.MAC: leases or sessions or who.neighbours,
    }[kind]
