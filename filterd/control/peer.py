"""Who is at the other end of a local socket, as the kernel says it."""

import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass

_UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid
_SO_PEERGROUPS = 59  # Linux 4.13, include/uapi/asm-generic/socket.h
_MAX_GROUPS = 1024  # bytes, the most that getsockopt takes from Python: 256 gids


@dataclass(frozen=True, slots=True)
class Peer:
    """A process and its identity; `groups` holds its group and supplementary groups."""

    pid: int
    uid: int
    groups: frozenset[int]


def peer_of(connection: socket.socket) -> Peer:
    """Return who connected. OSError when the kernel does not say."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(raw)
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_GROUPS)
    except OSError:
        raw = b""  # in more groups than that; the group of the process itself still counts
    return Peer(pid, uid, frozenset({gid, *struct.unpack(f"{len(raw) // 4}I", raw)}))


def allowed(peer: Peer, own_uid: int, groups: Collection[int]) -> bool:
    """Say whether `peer` may command: root, the daemon's own user, or a member of `groups`."""
    return peer.uid in {0, own_uid} or not peer.groups.isdisjoint(groups)
