"""A whole round over real files and the real core: fetch, inspect, judge, keep, compile, go back."""

import asyncio
import errno
import hashlib
import json
import os
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from filterd.lists.child import do_job
from filterd.lists.compile import compile_current, inspect_in_child, run_job
from filterd.lists.durable import locked
from filterd.lists.fetch import Fetcher, Limits
from filterd.lists.gate import Guard
from filterd.lists.index_store import IndexStore
from filterd.lists.remote import open_client
from filterd.lists.rollback import rollback
from filterd.lists.status import State, status
from filterd.lists.store import ListStore
from filterd.lists.update import Kind, Updater, Wanted
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec

GUARD = Guard(must=("111.example",), top=("search.example",))


def names(count: int, prefix: str = "bad") -> bytes:
    return b"".join(b"||%s%d.example.com^\n" % (prefix.encode(), i) for i in range(count))


async def here(job, progress):
    """What a child does, in this process and through the same JSON, to be quick."""
    told = progress or (lambda *step: None)
    return json.loads(json.dumps(do_job(json.loads(json.dumps(job)), told)))


class Site:
    """A state directory with lists as files, and a clock."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lists = ListStore(home / "state")
        self.rules = IndexStore(home / "state")
        self.time = 1_000_000.0
        self.run = here

    def publish(self, name: str, data: bytes, form: str = "adblock", **fields) -> Wanted:
        path = self.home / f"{name}.txt"
        path.write_bytes(data)
        sha256 = fields.pop("sha256", None)
        return Wanted(ListSpec(name, form, path=str(path), **fields), sha256=sha256)

    def update(self, *wanted: Wanted, force=()):
        async def run():
            async with open_client() as client:
                fetcher = Fetcher(client, random.Random(1), Limits(tries=1))
                updater = Updater(
                    self.lists,
                    fetcher,
                    lambda: self.time,
                    random.Random(2),
                    guard=GUARD,
                    inspect=partial(inspect_in_child, run=self.run),
                )
                return await updater.update(wanted, force=force)

        return asyncio.run(run())

    def compile(self, *wanted: Wanted, progress=None, run=None):
        specs = [want.spec for want in wanted]
        return asyncio.run(
            compile_current(
                specs, self.lists, self.rules, now=self.time, progress=progress, run=run or self.run
            )
        )

    def blocks(self, name: str) -> bool:
        loaded = self.rules.load()
        assert loaded is not None
        return bool(loaded.index.find(name))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_from_a_file_to_a_matching_index(site):
    seen = []
    want = site.publish(
        "ads", b"! title\n" + names(50) + b"@@||ok.example^\nnonsense$third-party\n"
    )
    (got,) = site.update(want)
    assert (got.kind, got.reasons) == (Kind.UPDATED, ())
    assert got.summary is not None
    assert (got.summary.accepted, got.summary.refusals, got.summary.comments) == (51, 1, 1)
    made = site.compile(want, progress=lambda *a: seen.append(a))
    assert made.fresh
    assert made.generation.lists[0].accepted == 51
    assert site.blocks("x.bad7.example.com")
    assert not site.blocks("good.example")
    assert seen
    loaded = site.rules.load()
    assert loaded is not None
    assert loaded.index.find("bad7.example.com")[0][3] == 9, "the line number"


def test_the_same_by_a_real_child_process(site):
    seen = []
    site.run = run_job
    want = site.publish("ads", names(50) + b"nonsense$third-party\n")
    odd = site.publish("odd", b"klingon\n", form="klingon")
    (got, bad) = site.update(want, odd)
    assert got.summary is not None
    assert (got.summary.accepted, got.summary.refusals) == (50, 1)
    assert "unknown list format" in bad.reasons[0]
    assert site.compile(want, progress=lambda *a: seen.append(a)).generation.lists[0].accepted == 50
    assert site.blocks("x.bad7.example.com")
    assert seen


def test_nothing_new_is_neither_kept_twice_nor_compiled_again(site):
    want = site.publish("ads", names(5))
    site.update(want)
    first = site.compile(want)

    async def never(job, progress):
        raise AssertionError("compiled though nothing changed")

    (got,) = site.update(want)
    assert got.kind is Kind.UNCHANGED
    again = site.compile(want, run=never)
    assert not again.fresh
    assert again.generation == first.generation


@pytest.mark.parametrize(
    "change",
    [{"category": "games"}, {"min_age": 13}, {"mandatory": True}, {"allow": True}, {"wide": True}],
)
def test_another_meaning_of_the_same_list_is_compiled(site, change):
    want = site.publish("ads", names(5))
    site.update(want)
    site.compile(want)
    assert site.compile(replace(want, spec=replace(want.spec, **change))).fresh


def test_another_address_of_the_same_content_is_not(site):
    want = site.publish("ads", names(5))
    site.update(want)
    site.compile(want)
    assert not site.compile(
        replace(want, spec=replace(want.spec, url="https://x.example/", path=None))
    ).fresh


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (names(20), "shrank by 80 %"),
        (names(100) + b"||111.example^\n", "would block 111.example"),
        (names(100) + b"||search.example^\n", "would block search.example"),
        (names(60) + b"||no_dot..example^\n" * 200, "lines make no sense"),
    ],
)
def test_a_bad_version_is_held_and_the_old_one_stays(site, data, why):
    want = site.publish("ads", names(100))
    site.update(want)
    site.publish("ads", data)
    (got,) = site.update(want)
    assert got.kind is Kind.HELD
    assert why in " ".join(got.reasons)
    site.compile(want)
    assert site.blocks("bad99.example.com")
    (line,) = status([want], site.lists, site.time)
    assert (line.state, line.entries, line.has_held) == (State.HELD, 100, True)
    assert why in " ".join(line.why)
    (forced,) = site.update(want, force=["ads"])
    assert forced.kind is Kind.UPDATED
    assert forced.reasons
    # What was accepted once is not held again.
    site.publish("ads", data + b"! a comment\n")
    (later,) = site.update(want)
    assert later.kind is Kind.UPDATED or why in {"it is empty", "lines make no sense"}


def test_a_list_of_a_category_may_name_what_everybody_uses(site):
    want = site.publish("social", b"||search.example^\n", category="social")
    assert site.update(want)[0].kind is Kind.UPDATED
    want = site.publish("free", b"||x.example^\n||111.example^\n@@||111.example^\n")
    assert site.update(want)[0].kind is Kind.UPDATED


def test_one_bad_list_stops_no_other(site):
    good = site.publish("good", names(5))
    gone = Wanted(ListSpec("gone", "hosts", path=str(site.home / "absent")))
    odd = site.publish("odd", names(5), form="klingon")
    page = site.publish("page", b"<html><body>moved</body></html>")
    none = Wanted(ListSpec("none", "hosts"))
    got = {outcome.name: outcome for outcome in site.update(good, gone, odd, page, none)}
    assert [got[name].kind for name in ("good", "gone", "odd", "page", "none")] == [
        Kind.UPDATED
    ] + [Kind.FAILED] * 4
    assert "unknown list format 'klingon'" in got["odd"].reasons[0]
    assert "neither `url` nor `path`" in got["none"].reasons[0]
    made = site.compile(good, gone, odd, page)
    assert made.missing == ("gone", "odd", "page")
    assert site.blocks("bad1.example.com")
    states = {line.name: line.state for line in status([good, gone, page], site.lists, site.time)}
    assert states == {"good": State.OK, "gone": State.MISSING, "page": State.MISSING}


def test_a_list_that_goes_away_stays_in_force_and_grows_old(site):
    want = site.publish("ads", names(5))
    site.update(want)
    Path(want.spec.path).unlink()
    site.time += 2 * 86_400
    for _ in range(2):
        (got,) = site.update(want)
    assert got.kind is Kind.FAILED
    assert got.summary is not None
    (line,) = status([want], site.lists, site.time)
    assert line.state is State.FAILED
    assert line.next_refresh is not None
    assert site.time < line.next_refresh <= site.time + 600
    (line,) = status([want], site.lists, site.time + 2 * 86_400)
    assert line.state is State.STALE
    site.compile(want)
    assert site.blocks("bad1.example.com")


def test_a_pinned_list_accepts_only_its_content(site):
    want = site.publish("ads", names(5), sha256="0" * 64)
    for force in ((), ("ads",)):
        (got,) = site.update(want, force=force)
        assert got.kind is Kind.HELD
        assert "not the configured 000" in got.reasons[0]
    right = replace(want, sha256=hashlib.sha256(names(5)).hexdigest())
    assert site.update(right)[0].kind is Kind.UPDATED


def test_the_format_can_be_looked_for(site):
    want = site.publish("auto", b"0.0.0.0 a.example\n0.0.0.0 b.example\n" * 20, form="auto")
    (got,) = site.update(want)
    assert got.summary is not None
    assert got.summary.format == "hosts"
    site.compile(want)
    assert site.blocks("a.example")
    site.publish("auto", b"".join(b"||n%d.example^\n" % i for i in range(40)))
    (got,) = site.update(want)
    assert got.kind is Kind.HELD
    assert "looked like hosts before and looks like adblock now" in got.reasons[0]


def test_configuring_another_format_reads_the_same_bytes_again(site):
    data = b"a.example\nb.example\n" * 10
    want = site.publish("l", data, form="domains")
    site.update(want)
    (same,) = site.update(replace(want, spec=replace(want.spec, format="plain")))
    assert same.kind is Kind.UNCHANGED, "an alias is no change"
    (got,) = site.update(replace(want, spec=replace(want.spec, format="wildcard")))
    assert got.kind is Kind.UPDATED
    assert got.summary is not None
    assert got.summary.format == "wildcard"


def test_a_damaged_file_gives_way_to_the_version_before(site):
    want = site.publish("ads", names(50))
    site.update(want)
    site.publish("ads", names(50, "new"))
    site.update(want)
    stored = site.lists.read("ads")
    assert stored is not None
    stored.path.write_bytes(b"||everything.example^\n")
    made = site.compile(want)
    assert "the one before is used" in made.problems[0]
    assert site.blocks("bad1.example.com")
    assert not site.blocks("everything.example")
    (got,) = site.update(want)
    assert got.kind is Kind.UNCHANGED
    site.compile(want)
    assert site.blocks("new1.example.com")


def test_rollback_takes_index_and_lists_back_and_they_stay_back(site):
    ads, other = site.publish("ads", names(50)), site.publish("other", b"||other.example^\n")
    site.update(ads, other)
    first = site.compile(ads, other).generation
    site.publish("ads", names(60, "new"))
    site.update(ads, other)
    site.compile(ads, other)
    assert site.blocks("new1.example.com")
    back = rollback(site.lists, site.rules)
    assert (back.generation, back.lists, back.kept) == (first, ("ads",), ())
    assert site.blocks("bad1.example.com")
    assert not site.compile(ads, other).fresh
    (got, _) = site.update(ads, other)
    assert got.kind is Kind.HELD
    assert "rolled back" in got.reasons[0]
    site.publish("other", b"||other2.example^\n")
    site.update(ads, other)
    assert site.compile(ads, other).fresh
    assert site.blocks("bad1.example.com")
    assert not site.blocks("new1.example.com")
    # Another content is another chance, and so is the operator's word.
    site.publish("ads", names(61, "new"))
    assert site.update(ads)[0].kind is Kind.UPDATED


def test_rollback_without_an_earlier_index_is_said(site):
    with pytest.raises(RulesError, match="no earlier index"):
        rollback(site.lists, site.rules)


def test_a_damaged_index_gives_way_to_the_one_before(site, caplog):
    want = site.publish("ads", names(50))
    site.update(want)
    site.compile(want)
    site.publish("ads", names(50, "new"))
    site.update(want)
    made = site.compile(want)
    path = site.rules.path(made.generation.number)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.unlink()
    path.write_bytes(data)
    loaded = site.rules.load()
    assert loaded is not None
    assert loaded.problem is not None
    assert "the one before is used" in loaded.problem
    assert loaded.index.find("bad1.example.com")
    assert "cannot be used" in caplog.text
    site.rules.path(loaded.generation.number).unlink()
    assert site.rules.load() is None


def test_two_indexes_are_kept(site):
    for n in range(4):
        want = site.publish("ads", names(50 + n))
        site.update(want)
        site.compile(want)
    kept = {path.name.partition(".")[0] for path in site.rules.folder.iterdir()}
    assert kept == {"current", "gen-00000003", "gen-00000004"}


def test_a_compiler_that_dies_leaves_what_was(site):
    want = site.publish("ads", names(50))
    site.update(want)
    before = site.compile(want).generation
    site.publish("ads", names(55))
    site.update(want)

    async def dies(job, progress):
        Path(job["target"]).write_bytes(b"half")
        return await run_job({**job, "job": "dance"}, progress)

    with pytest.raises(RulesError, match="no such job: dance"):
        site.compile(want, run=dies)
    assert site.rules.current() == before
    assert {path.name.partition(".")[0] for path in site.rules.folder.iterdir()} == {
        "current",
        "gen-00000001",
    }


def test_a_child_that_crashes_is_told_with_its_words(site):
    with pytest.raises(RulesError, match=r"ended with status 1: (?s:.*)KeyError"):
        asyncio.run(run_job({"no": "job"}))


def test_no_list_at_all_is_an_empty_index(site):
    made = site.compile()
    assert made.fresh
    assert not site.blocks("example.com")


def test_one_process_changes_lists_at_a_time(tmp_path):
    with locked(tmp_path), pytest.raises(RulesError, match="another filterd"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_full_disk_keeps_what_was_and_is_said(site, monkeypatch):
    want, other = site.publish("ads", names(50)), site.publish("other", names(5))
    site.update(want, other)
    before = site.compile(want, other).generation
    site.publish("ads", names(60))

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("filterd.lists.durable.os.fsync", full)
        (got, _) = site.update(want, other)
        assert got.kind is Kind.FAILED
        assert "No space left" in got.reasons[0]
        assert "could not be noted" in got.reasons[1]
        assert got.summary is not None
        with pytest.raises(OSError, match="No space"):
            site.rules.commit(before)
    assert site.compile(want, other).generation == before
    assert site.blocks("bad1.example.com")
    assert site.update(want)[0].kind is Kind.UPDATED


def test_a_folder_that_is_no_folder_fails_that_list_only(site):
    want, other = site.publish("ads", names(50)), site.publish("other", names(5))
    site.lists.folder("ads").parent.mkdir(parents=True)
    site.lists.folder("ads").write_text("in the way")
    got = site.update(want, other)
    assert [outcome.kind for outcome in got] == [Kind.FAILED, Kind.UPDATED]
    assert "cannot be kept on disk" in got[0].reasons[0]
