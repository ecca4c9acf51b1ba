import dataclasses
import ipaddress
import logging
import os
from multiprocessing import get_context
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.media.handoff import HandOffs
from filterd.http.media.hashset import Kind
from filterd.http.media.head import Severity
from filterd.http.media.sets import Hit
from filterd.model.handoff import (
    FILE,
    LINE,
    NO_NAME,
    SLOT,
    Distance,
    HandOff,
    handoff_line,
    host_name,
    read_handoff,
)
from filterd.report.handoffs import count_handoffs, expire_handoffs, list_handoffs
from tests.support.media import BOUNDED, NOW

HIT = Hit("national", "e-17", 7, Severity.ILLEGAL, Kind.SHA256, Distance.EXACT, block=True)
LETTERS = "abcxyzABCXYZ0189_-"
words = st.text(LETTERS, min_size=1, max_size=64)
hosts = st.lists(st.text("abcxyz019", min_size=1, max_size=20), max_size=4).map(
    lambda labels: ".".join([*labels, "example"])
)
ones = st.builds(
    HandOff,
    reference=st.text("ABCXYZ2347", min_size=10, max_size=10).map(lambda t: f"HO-20270115-{t}"),
    at=st.integers(0, 2**31).map(lambda at: at // SLOT * SLOT),
    node=words,
    host=hosts,
    set=words,
    entry=words,
    epoch=st.integers(0, 2**53 - 1),
    distance=st.sampled_from(Distance),
)


def handoffs(folder, **others):
    return HandOffs(folder, "node-1", os.urandom, **others)


def test_there_is_no_field_that_could_hold_a_client_a_url_or_content():
    """Whoever adds one has to say here what it holds."""
    assert get_type_hints(HandOff) == {
        "reference": str,
        "at": int,
        "node": str,
        "host": str,
        "set": str,
        "entry": str,
        "epoch": int,
        "distance": Distance,
    }
    assert [each.name for each in dataclasses.fields(Hit)] == [
        "set",
        "entry",
        "epoch",
        "severity",
        "kind",
        "distance",
        "block",
    ]


bad = st.one_of(
    st.binary(),
    st.ip_addresses().map(str),
    st.ip_addresses(v=4).map(lambda a: f"{a}:8080"),
    hosts.map(lambda host: f"https://{host}/path?q=word"),
    hosts.map(lambda host: f"{host}/path"),
    hosts.map(lambda host: f"user@{host}:8443"),
    st.binary(min_size=49).map(lambda b: b.hex()),
    st.text(min_size=65, alphabet="abc"),
    st.lists(st.integers()),
    st.none(),
    st.floats(),
    st.booleans(),
)


@BOUNDED
@given(ones, bad, st.sampled_from([each.name for each in dataclasses.fields(HandOff)]))
def test_no_field_takes_bytes_an_address_a_url_or_anything_long(one, value, name):
    if name == "host" and isinstance(value, str) and set(value) <= set("abc0123456789def"):
        value += "/"
    with pytest.raises(ValueError, match=r".+: .+"):
        dataclasses.replace(one, **{name: value})


@BOUNDED
@given(ones)
def test_a_line_is_read_as_it_was_written_and_is_short(one):
    line = handoff_line(one)
    assert read_handoff(line) == one
    assert len(line) <= LINE
    assert not any(c in line for c in (b"/", b"?", b"\0"))


@BOUNDED
@given(st.binary(max_size=200))
def test_a_line_that_is_none(line):
    with pytest.raises(ValueError, match=r".*"):
        read_handoff(line)


@BOUNDED
@given(st.ip_addresses())
def test_a_host_that_is_an_address_is_not_written(address):
    for text in (str(address), f"[{address}]", str(address).upper(), f"{address}."):
        name = host_name(text)
        assert name == NO_NAME
    with pytest.raises(ValueError, match="address"):
        ipaddress.ip_address(NO_NAME)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("School.Example.", "school.example"),
        ("xn--trng-hoa-9ya.example", "xn--trng-hoa-9ya.example"),
        ("0x7f000001", NO_NAME),
        ("2130706433", NO_NAME),
        ("127.1", NO_NAME),
        ("a.example/path?q", NO_NAME),
        ("user@a.example", NO_NAME),
        ("", NO_NAME),
        ("a" * 254, NO_NAME),
        ("trường.example", NO_NAME),
    ],
)
def test_hosts(host, name):
    assert host_name(host) == name


def test_a_hit_is_one_counter_and_one_record(tmp_path):
    spool = handoffs(tmp_path / "h")
    reference = spool.write(HIT, "Photos.Example", NOW + 123.4)
    (one,) = list_handoffs(tmp_path / "h").handoffs
    at = int(NOW + 123) // SLOT * SLOT
    assert one == HandOff(
        reference, at, "node-1", "photos.example", "national", "e-17", 7, Distance.EXACT
    )
    assert reference.startswith("HO-2027")
    assert spool.counts == {"hit": 1, "written": 1}
    assert count_handoffs(tmp_path / "h") == {"national": 1}
    assert (tmp_path / "h").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "h" / FILE).stat().st_mode & 0o777 == 0o600
    assert [each.name for each in (tmp_path / "h").iterdir()] == [FILE]


def test_the_same_within_five_minutes_is_one_record(tmp_path):
    spool = handoffs(tmp_path)
    first = spool.write(HIT, "a.example", NOW)
    assert spool.write(HIT, "a.example", NOW + 1) == first
    others = {
        spool.write(HIT, "b.example", NOW),
        spool.write(dataclasses.replace(HIT, entry="e-18"), "a.example", NOW),
        spool.write(HIT, "a.example", NOW + SLOT),
    }
    assert len(others | {first}) == 4
    assert spool.counts == {"hit": 5, "written": 4}
    assert len(list_handoffs(tmp_path).handoffs) == 4


@BOUNDED
@given(
    st.lists(st.integers(0, SLOT - 1), min_size=2, max_size=2),
    st.lists(st.ip_addresses().map(str), min_size=2, max_size=2),
)
def test_a_record_is_the_same_at_any_second_of_its_slot(tmp_path_factory, seconds, hosts):
    """Nothing of the exact time or of an address can be in what does not change with them."""
    start = NOW // SLOT * SLOT
    found = []
    for second, host in zip(seconds, hosts, strict=True):
        folder = tmp_path_factory.mktemp("h")
        HandOffs(folder, "node-1", bytes).write(HIT, host, start + second)
        found.append((folder / FILE).read_bytes())
    assert found[0] == found[1]


def test_a_full_spool_loses_the_record_counts_that_and_never_raises(tmp_path, caplog):
    spool = handoffs(tmp_path, most=500)
    for at in range(5):
        assert spool.write(HIT, f"h{at}.example", NOW)
    assert spool.counts["hit"] == 5
    assert spool.counts["written"] + spool.counts["lost"] == 5
    assert spool.counts["lost"] > 0
    assert (tmp_path / FILE).stat().st_size <= 500
    assert len(list_handoffs(tmp_path).handoffs) == spool.counts["written"]
    assert "the spool is full" in caplog.text
    assert "example" not in caplog.text
    expire_handoffs(tmp_path, NOW + SLOT)
    lost = spool.counts["lost"]
    spool.write(HIT, "h4.example", NOW)
    assert spool.counts["lost"] == lost, "there is room again, and it was not remembered as written"


def test_a_folder_that_went_away(tmp_path, caplog):
    spool = handoffs(tmp_path / "h")
    (tmp_path / "h").rmdir()
    assert spool.write(HIT, "a.example", NOW)
    assert spool.counts == {"hit": 1, "lost": 1}
    assert "could not be written" in caplog.text


def test_a_spool_that_is_a_link_is_not_followed(tmp_path, caplog):
    aim = tmp_path / "aim"
    aim.touch()
    spool = handoffs(tmp_path / "h")
    (tmp_path / "h" / FILE).symlink_to(aim)
    spool.write(HIT, "a.example", NOW)
    assert spool.counts["lost"] == 1
    assert aim.read_bytes() == b""


@pytest.mark.parametrize("cut", [1, 9, 40, 5000])
def test_half_a_line_of_a_power_cut_stays_alone(tmp_path, cut):
    spool = handoffs(tmp_path)
    spool.write(HIT, "a.example", NOW)
    spool.write(HIT, "b.example", NOW)
    path = tmp_path / FILE
    data = path.read_bytes()
    path.write_bytes(data[: -min(cut, len(data) // 2 - 2)])
    spool.write(HIT, "c.example", NOW)
    told = list_handoffs(tmp_path)
    left = {"a.example", "b.example", "c.example"} - ({"b.example"} if cut > 1 else set())
    assert {each.host for each in told.handoffs} == left
    assert told.damaged == (cut > 1)


def test_damage_is_counted_and_the_rest_read(tmp_path):
    spool = handoffs(tmp_path)
    for host in ("a.example", "b.example", "c.example"):
        spool.write(HIT, host, NOW)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes().replace(b"b.example", b"x.example"))
    told = list_handoffs(tmp_path)
    assert ({each.host for each in told.handoffs}, told.damaged) == ({"a.example", "c.example"}, 1)


def test_what_is_old_expires(tmp_path):
    spool = handoffs(tmp_path)
    for days in range(4):
        spool.write(HIT, "a.example", NOW + days * 86_400)
    assert expire_handoffs(tmp_path, NOW + 2 * 86_400 - SLOT) == 2
    assert expire_handoffs(tmp_path, NOW + 2 * 86_400 - SLOT) == 0
    assert len(list_handoffs(tmp_path).handoffs) == 2
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    spool.write(HIT, "b.example", NOW)
    assert len(list_handoffs(tmp_path).handoffs) == 3


def test_nothing_was_ever_handed_off(tmp_path):
    assert list_handoffs(tmp_path / "none").handoffs == ()
    assert expire_handoffs(tmp_path / "none", NOW) == 0


def _write_many(folder, number):
    spool = HandOffs(folder, f"node-{number}", os.urandom)
    for at in range(60):
        spool.write(HIT, f"w{number}-{at}.example", NOW)


def test_workers_append_while_the_daemon_expires(tmp_path):
    context = get_context("spawn")
    HandOffs(tmp_path, "node-0", os.urandom).write(HIT, "old.example", NOW - 86_400)
    workers = [context.Process(target=_write_many, args=(tmp_path, at)) for at in range(3)]
    for each in workers:
        each.start()
    gone = 0
    while any(each.is_alive() for each in workers):
        gone += expire_handoffs(tmp_path, NOW - SLOT)
    for each in workers:
        each.join()
        assert each.exitcode == 0
    told = list_handoffs(tmp_path)
    assert (len(told.handoffs), told.damaged, gone) == (180, 0, 1)
    assert len({each.reference for each in told.handoffs}) == 180


def test_the_log_of_a_lost_record_has_no_host(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    spool = handoffs(tmp_path, most=1)
    spool.write(HIT, "secret.example", NOW)
    assert "secret" not in caplog.text


@pytest.mark.parametrize("node", ["", "192.0.2.1", "a b", "x" * 65])
def test_a_node_without_a_proper_name_writes_nothing(tmp_path, node):
    with pytest.raises(ValueError, match="node's name"):
        HandOffs(tmp_path, node, os.urandom)
