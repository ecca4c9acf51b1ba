"""Going back, damage, full disks, dying compilers: what was in use stays in use."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from filterd.lists.compile import run_job
from filterd.lists.durable import locked
from filterd.lists.rollback import rollback
from filterd.lists.wanted import Kind
from filterd.model.errors import RulesError
from tests.support.lists_site import names


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
