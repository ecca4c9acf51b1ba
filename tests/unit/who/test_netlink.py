"""The kernel's messages: those of a real kernel, and any octets."""

import errno
import socket
from contextlib import closing
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ndmsg import ndmsg

from filterd.who.neighbours import Neighbours
from filterd.who.netlink import (
    FALLBACK_SECONDS,
    HOLD_SECONDS,
    Change,
    NeighbourSource,
    NeighbourTable,
    Whole,
    read_messages,
)

MAC, OTHER = "00:00:5e:00:53:07", "00:00:5e:00:53:08"
REACHABLE, FAILED, PERMANENT = 0x02, 0x20, 0x80
NEW, GONE, DONE = 28, 29, 3


def message(
    kind: int, address: str, mac: str | None = MAC, state: int = REACHABLE, flags: int = 0
) -> bytes:
    made = ndmsg()
    made["family"] = socket.AF_INET6 if ":" in address else socket.AF_INET
    made["state"] = state
    made["attrs"] = [("NDA_DST", address)] + ([("NDA_LLADDR", mac)] if mac else [])
    made["header"]["type"] = kind
    made["header"]["flags"] = flags
    made.encode()
    return bytes(made.data)


def test_what_the_kernel_says() -> None:
    data = (
        message(NEW, "192.0.2.7")
        + message(NEW, "2001:db8::7", state=PERMANENT)
        + message(NEW, "192.0.2.8", state=FAILED)
        + message(NEW, "192.0.2.9", mac=None)
        + message(GONE, "192.0.2.10")
    )
    assert list(read_messages(data)) == [
        Change("192.0.2.7", MAC, usable=True),
        Change("2001:db8::7", MAC, usable=True),
        Change("192.0.2.8", MAC, usable=False),
        Change("192.0.2.9", "", usable=False),
        Change("192.0.2.10", MAC, usable=False),
    ]


def test_the_end_of_a_whole_table_and_one_that_was_cut() -> None:
    done = (20).to_bytes(4, "little") + DONE.to_bytes(2, "little")
    assert list(read_messages(done[:4][:4] + done[4:] + bytes(14))) == [Whole(good=True)]
    cut = message(NEW, "192.0.2.7", flags=0x10) + done + bytes(14)
    assert list(read_messages(cut))[-1] == Whole(good=False)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_octets_break_it(data: bytes, cut: int) -> None:
    whole = message(NEW, "192.0.2.7") + data
    assert len(list(read_messages(whole[cut:]))) <= len(whole)
    assert len(list(read_messages(message(NEW, "2001:db8::7")[:cut] + data))) <= len(whole)


def table(*changes: Change, now: float = 100.0) -> NeighbourTable:
    made = NeighbourTable()
    for each in changes:
        made.take(each, now)
    return made


def test_an_entry_that_goes_is_held_for_a_while_and_a_new_device_takes_its_place() -> None:
    made = table(Change("192.0.2.7", MAC, usable=True))
    made.take(Change("192.0.2.7", MAC, usable=False), 200.0)
    (held,) = made.sightings()
    assert (held.mac, held.since, held.until) == (MAC, 100.0, 200.0 + HOLD_SECONDS)
    assert not made.take(Change("192.0.2.7", MAC, usable=True), 250.0)  # it was there all along
    assert made.sightings()[0].until == inf
    assert made.take(Change("192.0.2.7", OTHER, usable=True), 260.0)
    assert (made.sightings()[0].mac, made.sightings()[0].since) == (OTHER, 260.0)


def test_what_a_whole_table_lacks_has_gone() -> None:
    made = table(Change("192.0.2.7", MAC, usable=True), Change("192.0.2.8", OTHER, usable=True))
    made.begin()
    made.take(Change("192.0.2.8", OTHER, usable=True), 200.0)
    made.end(200.0)
    assert {each.address: each.until for each in made.sightings()} == {
        "192.0.2.7": 200.0 + HOLD_SECONDS,
        "192.0.2.8": inf,
    }
    made.begin()
    made.end(300.0 + HOLD_SECONDS)
    assert [each.address for each in made.sightings()] == ["192.0.2.8"]


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterd.who.netlink.MOST", 3)
    made = table(*(Change(f"192.0.2.{n}", MAC, usable=True) for n in range(9)))
    assert len(made.sightings()) == 3


def refused() -> socket.socket:
    raise PermissionError(1, "Operation not permitted")


def test_without_a_socket_the_tables_are_read() -> None:
    seen = [Neighbours({MAC: ("192.0.2.7",)}), Neighbours({OTHER: ("192.0.2.7",)})]
    source = NeighbourSource(read=lambda: seen.pop(0), make=refused)
    assert "not permitted" in str(source.problem)
    assert source.look(100.0)
    assert [each.mac for each in source.sightings()] == [MAC]
    assert not source.look(101.0)
    assert source.look(100.0 + FALLBACK_SECONDS)
    assert [each.mac for each in source.sightings()] == [OTHER]


def test_lost_messages_are_asked_for_again() -> None:
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(ours), closing(kernel):
        ours.setblocking(False)
        source = NeighbourSource(make=lambda: ours)
        source.look(100.0)
        assert len(kernel.recv(100)) == 28  # the request for the whole table
        kernel.send(message(NEW, "192.0.2.7"))
        assert source.look(101.0)
        kernel.setblocking(False)
        with pytest.raises(BlockingIOError):
            kernel.recv(100)
        source.look(1000.0)  # now and then it is asked anyway
        assert len(kernel.recv(100)) == 28


class Lossy:
    """A socket whose first look says that messages were lost."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.faults: list[OSError] = [BlockingIOError()]

    def send(self, data: bytes) -> int:
        self.sent.append(data)
        return len(data)

    def recv(self, _most: int) -> bytes:
        raise self.faults.pop(0)


def test_when_the_kernel_lost_messages_the_whole_table_is_asked_for() -> None:
    lossy = Lossy()
    source = NeighbourSource(make=lambda: lossy)  # type: ignore[arg-type, return-value]
    source.look(100.0)
    assert len(lossy.sent) == 1
    lossy.faults = [OSError(errno.ENOBUFS, "No buffer space"), BlockingIOError()]
    source.look(101.0)
    assert len(lossy.sent) == 2
    assert source.problem is None
    lossy.faults = [OSError(errno.EBADF, "Bad file descriptor")]
    source.look(102.0)
    assert "Bad file descriptor" in str(source.problem)


def test_this_kernel() -> None:
    with closing(NeighbourSource()) as source:
        source.look(100.0)
        assert source.problem is None
