"""Which files a box has by its answers, and how it is told whether a person has changed one.

Each begins with a line that holds a fingerprint of the rest. A file whose fingerprint is right is
as it was written and may be replaced; every other one is somebody's work.
"""

import hashlib
import re
from dataclasses import dataclass

from filterd.config.setup import SetupConfig
from filterd.setup import texts
from filterd.setup.configuration import answers_text, config_text

CONFIG = "etc/filterd/config.yaml"
ANSWERS = "etc/filterd/setup.yaml"
UNBOUND = "etc/unbound/unbound.conf.d/filterd.conf"
UPLINK = "etc/filterd/uplink.nft"
DNSMASQ = "etc/filterd/dnsmasq.conf"  # dnsmasq would read a .bak in its own folder
UPLINK_UNIT = "etc/systemd/system/filterd-gateway.service.d/uplink.conf"
SOCKETS = "etc/systemd/system/filterd.socket.d/listen.conf"
EGRESS_UNIT = "etc/systemd/system/filterd.service.d/egress.conf"
EVERY = (
    ANSWERS,
    UNBOUND,
    UPLINK,
    UPLINK_UNIT,
    DNSMASQ,
    SOCKETS,
    EGRESS_UNIT,
    CONFIG,
)

_SEAL = re.compile(r"# `filterd setup` wrote this \(([0-9a-f]{16})\)[^\n]*\n")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a box; `path` begins at the root. None as its content: it should not be there."""

    path: str
    content: str | None


def files(answers: SetupConfig) -> tuple[Wanted, ...]:
    """Return every file that setup ever writes, in the order of writing: the configuration, which
    the rest is for, comes last.
    """
    natted = answers.gateway and answers.masquerade
    made: dict[str, str | None] = {
        ANSWERS: answers_text(answers),
        UNBOUND: None if answers.upstream else texts.UNBOUND,
        UPLINK: texts.masquerade(answers) if natted else None,
        UPLINK_UNIT: texts.masquerade_unit(f"/{UPLINK}") if natted else None,
        DNSMASQ: texts.dnsmasq(answers) if answers.dhcp else None,
        SOCKETS: texts.sockets(answers),
        EGRESS_UNIT: texts.EGRESS_UNIT if answers.strict else None,
        CONFIG: config_text(answers),
    }
    return tuple(
        Wanted(path, None if made[path] is None else sealed(made[path] or "")) for path in EVERY
    )


def sealed(text: str) -> str:
    """Return `text` under a first line with its fingerprint."""
    return (
        f"# `filterd setup` wrote this ({_fingerprint(text)}); once you change it, it is yours "
        f"and kept.\n{text}"
    )


def untouched(content: str) -> bool:
    """Whether `content` is as it was written."""
    seal = _SEAL.match(content)
    return seal is not None and seal[1] == _fingerprint(content[seal.end() :])


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
