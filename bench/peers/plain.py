"""The yardstick: plain Python on raw bytes (bench/servers/raw.py), without what a filter needs."""

import sys

from bench.peers.base import Peer, Place
from bench.places import ROOT


def _command(program: str, place: Place) -> list[str]:
    script = str(ROOT / "bench" / "servers" / "raw.py")
    return [program, script, str(place.port), str(place.names), str(place.upstream)]


PEERS = (Peer("plain Python", sys.executable, _command),)
