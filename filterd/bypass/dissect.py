"""Frames of links that wire.py does not read, Wi-Fi above all: to Ethernet, by scapy.

scapy is no part of what filterd installs (ADR 24); whoever has such captures adds it. Only frames
that nothing else reads go through it: it takes ten times as long, and knows every link there is.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from filterd.bypass.pcap import Captured

Unwrap = Callable[[Captured], Captured | None]
_ETHERNET = 1
_TO, _FROM = 1, 2  # bits of a Wi-Fi frame: to the access point, from it (IEEE 802.11 9.2.4.1.4)
_SENDER = {0: "addr2", _TO: "addr2", _FROM: "addr3", _TO | _FROM: "addr4"}  # table 9-30
_NOBODY = "00:00:00:00:00:00"


def unwrapper() -> Unwrap | None:
    """Return what puts the packet of a frame into an Ethernet frame of the same sender, or gives
    None where there is none to be had, as in an encrypted one. None: scapy is not installed.
    """
    logging.getLogger("scapy").setLevel(logging.CRITICAL)  # it tells of the machine's network cards
    try:
        from scapy.config import conf  # noqa: PLC0415  whoever has no such capture does not wait
        from scapy.layers import dot11, inet, inet6, ppp  # noqa: F401, PLC0415  that it knows them
    except ImportError:
        return None
    kinds = {inet.IP: b"\x08\x00", inet6.IPv6: b"\x86\xdd"}
    return lambda captured: _unwrapped(captured, conf.l2types.num2layer, kinds)


def _unwrapped(
    captured: Captured, links: Mapping[int, Any], kinds: Mapping[Any, bytes]
) -> Captured | None:
    if captured.link not in links:
        return None
    try:
        frame = links[captured.link](captured.data)
    except Exception:  # noqa: BLE001 - whatever a stranger's frame does to another's parser
        return None
    for layer, kind in kinds.items():
        if layer in frame:
            head = bytes(6) + _sender(frame) + kind
            return replace(captured, link=_ETHERNET, data=head + frame[layer].original)
    return None


def _sender(frame: Any) -> bytes:
    """Return the MAC address of the device that sent it; zeros where the frame has none."""
    field = _SENDER[int(frame.FCfield) & (_TO | _FROM)] if "Dot11" in frame else "src"
    try:
        return bytes.fromhex((getattr(frame, field, None) or _NOBODY).replace(":", ""))
    except (ValueError, AttributeError):  # not a MAC address: this link has others
        return bytes(6)
