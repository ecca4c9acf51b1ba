"""A round over the lists: fetched, judged, kept, compiled; one bad list stops no other."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.lists.compile import run_job
from filterd.lists.status import State, status
from filterd.lists.wanted import Kind, Wanted
from filterd.model.group import ListSpec
from tests.support.lists_site import names


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
