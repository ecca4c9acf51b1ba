"""How a client may be written (`clients.NAME.ids`), and which of two that fit is believed.

An address or network is said by the configuration itself. All others are looked up: `class:` is
what a RADIUS server vouched for, `user:` too where it minds which name accounting has; a MAC
address and `host:` are what the device says of itself (ADR 23).
"""

import re
from enum import IntEnum

_MAC = re.compile(r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}")


class IdKind(IntEnum):
    """What an id is; of two that have the same address the greater one holds."""

    HOST = 1
    MAC = 2
    CLASS = 3
    USER = 4
    NETWORK = 5


_KINDS = {"user": IdKind.USER, "class": IdKind.CLASS, "host": IdKind.HOST}


def kind_of(written: str) -> IdKind:
    """Say what an id is that the configuration has read."""
    prefix, colon, _ = written.partition(":")
    if colon and prefix in _KINDS:
        return _KINDS[prefix]
    return IdKind.MAC if _MAC.fullmatch(written) else IdKind.NETWORK


def is_randomised(mac: str) -> bool:
    """Whether a MAC address (lower case, colons) was made up by the device: its second-least
    significant bit says "locally administered" (IEEE 802-2014 section 8.2), and it is no group's.
    """
    first = int(mac[:2], 16)
    return first & 0b11 == 0b10
