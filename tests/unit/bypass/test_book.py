"""Counts by hour: what counters gained, what is kept, and what is told of it."""

import os
import sqlite3
import stat
from collections import Counter
from dataclasses import fields

import pytest

from filterd.bypass.book import DAY, KEPT, Book, BookError, Hour
from filterd.bypass.counters import Look, gained, look_at
from filterd.bypass.judging import Finding
from filterd.bypass.signals import HOUR, LEAST, RULES, Signal
from filterd.bypass.telling import Told, tell
from filterd.bypass.words import SIGNALS
from filterd.gateway.words import RULES as RULE_WORDS

NOW = 1_767_225_600.0 + 1800
GROUPS = {"egress_pupils": "pupils", "nat_pupils": "pupils", "egress_guests": "guests"}
DOT, VPN = ("egress_pupils", "dot"), ("egress_guests", "vpn")


def tried(**signals):
    return Counter({("pupils", Signal(name)): n for name, n in signals.items()})


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path / "state/bypass.sqlite")


def test_what_counters_gained_is_counted_by_group():
    before, now = Look("a/1", {DOT: 3, VPN: 1}), Look("a/1", {DOT: 7, VPN: 1})
    assert gained(before, now, GROUPS) == tried(dot=4)
    assert gained(None, now, GROUPS) == tried(dot=7) + Counter({("guests", Signal.VPN): 1})


def test_counters_that_began_again_count_from_nothing():
    before = Look("a/1", {DOT: 3})
    for now in (Look("a/2", {DOT: 5}), Look("b/1", {DOT: 5})):
        assert gained(before, now, GROUPS) == tried(dot=5)
    assert gained(Look("a/1", {DOT: 9}), Look("a/1", {DOT: 2}), GROUPS) == tried(dot=2)


def test_what_is_no_signal_or_of_nobody_is_left_out():
    now = Look(
        "a/1", {("egress_pupils", "quic"): 9, ("nat_pupils", "web"): 9, ("egress_x", "dot"): 9}
    )
    assert gained(None, now, GROUPS) == Counter()


def test_a_table_that_was_applied_again_has_another_life():
    def life(table, *rules):
        items = [{"table": {"name": "filterd", "handle": table}}]
        items += [{"rule": {"chain": "c", "handle": each}} for each in rules]
        return look_at(items, {}, "boot").life

    assert len({life(4, 7, 8), life(5, 7, 8), life(4, 9, 10), life(4)}) == 4
    assert life(4, 8, 7) == life(4, 7, 8)


def test_looks_of_two_processes_count_once(book, tmp_path):
    other = Book(tmp_path / "state/bypass.sqlite")
    for each, number in ((book, 2), (other, 2), (book, 5), (other, 5)):
        each.look(lambda number=number: Look("a/1", {DOT: number}), GROUPS, NOW)
    assert book.hours(NOW - DAY, NOW) == [Hour(int(NOW) - 1800, "pupils", Signal.DOT, 5)]


def test_a_look_that_finds_nothing_new_writes_nothing_for_a_minute(book):
    def look(at):
        book.look(lambda: Look("a/1", {DOT: 2}), GROUPS, at)
        return book.looked()

    assert look(NOW) == NOW
    assert look(NOW + 59) == NOW
    assert look(NOW + 61) == NOW + 61


def test_a_table_that_went_and_came_is_counted_whole(book):
    for seen in (Look("a/1", {DOT: 2}), None, Look("a/2", {DOT: 2})):
        book.look(lambda seen=seen: seen, GROUPS, NOW)
    assert book.hours(NOW - DAY, NOW)[0].n == 4


def test_a_look_that_fails_changes_nothing(book):
    def see():
        raise RuntimeError("nft")

    for _ in range(2):  # the first finds no file
        with pytest.raises(RuntimeError):
            book.look(see, GROUPS, NOW)
        assert (book.looked(), book.totals()) == (None, {})
        book.add(tried(dot=1), NOW)
    assert book.looked() is None
    book.add(tried(dot=1), NOW)  # and leaves no lock
    assert book.hours(NOW - DAY, NOW)[0].n == 3


def test_what_is_old_goes_and_a_wrong_clock_leaves_nothing(book):
    book.add(tried(dot=5), NOW)
    book.add(tried(dot=5), NOW + KEPT + 2 * HOUR)
    assert [each.hour for each in book.hours(0, NOW + 2 * KEPT)] == [
        int(NOW + KEPT) + 2 * HOUR - 1800
    ]
    book.add(tried(dot=5), NOW)
    assert [each.hour for each in book.hours(0, NOW + 2 * KEPT)] == [int(NOW) - 1800]


def test_totals_leave_out_hours_that_are_no_signal_and_never_go_down(book):
    seen = []
    for hour, n in ((0, 2), (0, 1), (0, 4), (1, 2), (2, 3), (KEPT // HOUR + 9, 3)):
        book.add(tried(dot=n), NOW + hour * HOUR)
        seen.append(book.totals().get("pupils", {}).get("dot", 0))
    assert LEAST[Signal.DOT] == 3
    assert seen == [0, 3, 7, 7, 10, 13]


def test_the_file_is_for_its_owner_alone_and_belongs_to_whom_the_folder_does(book, tmp_path):
    book.add(tried(dot=1), NOW)
    path = tmp_path / "state/bypass.sqlite"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if os.geteuid() == 0:
        other = tmp_path / "theirs"
        other.mkdir()
        os.chown(other, 65534, 65534)
        Book(other / "bypass.sqlite").add(tried(dot=1), NOW)
        assert (other / "bypass.sqlite").stat().st_uid == 65534


def test_a_damaged_file_is_set_aside_and_the_next_begins_anew(book, tmp_path):
    path = tmp_path / "state/bypass.sqlite"
    book.add(tried(dot=1), NOW)
    path.write_bytes(b"no database at all" * 400)
    with pytest.raises(BookError, match="file is not a database"):
        book.add(tried(dot=1), NOW)
    book.add(tried(dot=4), NOW)
    assert book.hours(NOW - DAY, NOW)[0].n == 4
    assert (tmp_path / "state/bypass.sqlite.damaged").exists()


def test_without_a_file_there_is_nothing(book):
    assert (book.hours(0, NOW), book.totals(), book.looked()) == ([], {}, None)


def hours(*rows):
    return [Hour(int(NOW) - ago * HOUR, "pupils", Signal.DOT, n) for ago, n in rows]


def test_days_and_weeks_are_told_and_chance_is_not():
    found = tell(hours((1, 3), (2, 2), (30, 4), (8 * 24, 9), (20 * 24, 50)), NOW)
    assert found == [Told("pupils", Signal.DOT, day=3, week=7, days=2, before=9)]
    assert tell(hours((1, 2), (2, 2), (3, 2)), NOW) == []
    assert tell(hours((8 * 24, 9)), NOW) == []


def test_nothing_that_is_kept_or_told_could_name_somebody(book, tmp_path):
    book.add(tried(dot=1), NOW)
    with sqlite3.connect(tmp_path / "state/bypass.sqlite") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema")]
        columns = {
            row[1] for name in tables for row in database.execute(f"PRAGMA table_info({name})")
        }
    database.close()
    assert columns == {"hour", "grp", "signal", "n", "one", "at", "life", "packets"}
    told = {each.name for kind in (Told, Hour, Finding) for each in fields(kind)}
    assert told == {"group", "signal", "day", "week", "days", "before", "hour", "n", "attempts"}


def test_every_signal_has_its_words_and_its_least():
    for words in SIGNALS.values():
        assert set(words) == set(Signal)
        titles = [about.title for about in words.values()]
        assert len(set(titles)) == len(titles)
        assert all(max(map(len, titles)) <= 44 for _ in titles)
    assert set(LEAST) == set(Signal)
    assert min(LEAST.values()) > 1


def test_every_rule_of_the_gateway_is_a_signal_or_known_to_be_none():
    assert set(RULE_WORDS["en"]) - set(RULES) == {"quic", "web", "web-refused"}
    assert set(RULES) <= set(RULE_WORDS["en"])
