"""What is made of what was read: labels beside rules, hits and hand-offs."""

import asyncio

import pytest

from filterd.http.labels.base import Label
from filterd.http.labels.cache import LabelCache
from filterd.http.media.guard import Media, MediaSettings
from filterd.http.media.scan import PICTURE
from filterd.http.media.specimen import specimen
from filterd.http.reading import READ as CODINGS
from filterd.http.reading import Reading, judge
from filterd.http.words import Act, Reason, Verdict, Why
from filterd.model.verdict import Kind, Step
from tests.support.handed import NOW, PUPIL, STAFF, handed

HTML = [("Content-Type", "text/html")]
PLAIN = Verdict(Act.PASS, Why.RULE, "site.example", Reason(Kind.PASS, Step.DEFAULT, "pupils"))


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    return handed(tmp_path_factory.mktemp("rules")).now


def reading(**more):
    return Reading(LabelCache(bytes(16)), **more)


def allowed(step):
    return Verdict(Act.PASS, Why.RULE, "site.example", Reason(Kind.ALLOW, step, "pupils"))


@pytest.mark.parametrize(
    ("client", "before", "age", "blocks"),
    [
        (PUPIL, PLAIN, 18, True),
        (PUPIL, PLAIN, 10, False),
        (PUPIL, PLAIN, 0, False),
        (STAFF, PLAIN, 18, False),  # not filtered
        (PUPIL, allowed(Step.LOCAL_ALLOW), 18, False),
        (PUPIL, allowed(Step.LIST), 18, False),
        (PUPIL, allowed(Step.AGE), 18, True),
    ],
)
def test_a_label_raises_the_age_at_its_step_and_lifts_nothing(rules, client, before, age, blocks):
    verdict = judge(rules, client, "site.example", before, Label(age, "rta"))
    assert (verdict is not None) is blocks
    if blocks:
        assert (verdict.act, verdict.why, verdict.reason.min_age) == (Act.BLOCK, Why.LABEL, age)
        assert verdict.reason.rule == "label:rta"


def test_no_label_says_nothing(rules):
    assert judge(rules, PUPIL, "site.example", PLAIN, None) is None


def test_a_page_that_was_read_is_known_before_it_is_asked_for_again(rules):
    seen = []
    eyes = reading(see=lambda *words: seen.append(words))
    assert eyes.known(rules, PUPIL, "/a", PLAIN, NOW) is None
    watch = eyes.answer("GET", 200, HTML, None)
    watch.take(b'<html><head><meta name="rating" content="adult"><body>')
    assert eyes.settle(watch, ("site.example", "/a"), NOW).min_age == 18
    assert eyes.known(rules, PUPIL, "/a", PLAIN, NOW).why is Why.LABEL
    assert eyes.known(rules, PUPIL, "/b", PLAIN, NOW) is None
    assert seen == [("site.example", True)]


def test_what_has_no_head_makes_no_label_forgotten(rules):
    eyes = reading()
    front = eyes.answer("GET", 200, HTML, None)
    front.take(b'<html><head><meta name="rating" content="adult"><body>')
    eyes.settle(front, ("site.example", "/"), NOW)
    for method, status in (("HEAD", 200), ("POST", 200), ("GET", 204), ("GET", 206), ("GET", 404)):
        watch = eyes.answer(method, status, HTML, 0)
        if watch is not None:
            eyes.settle(watch, ("site.example", "/"), NOW)
        assert eyes.known(rules, PUPIL, "/x", PLAIN, NOW).why is Why.LABEL


@pytest.mark.parametrize(
    ("fields", "partial"),
    [
        ([("Content-Range", "bytes 120-200/201")], True),
        ([("Content-Range", "bytes 0-200/201")], False),
        ([], True),
    ],
)
def test_a_page_without_its_beginning_is_known_as_that(fields, partial):
    assert reading().answer("GET", 206, [*HTML, *fields], None).partial is partial
    picture = [("Content-Type", "image/png"), *fields]
    assert reading().answer("GET", 206, picture, None) is None


def test_what_can_say_nothing_is_not_watched():
    assert reading().answer("GET", 200, [("Content-Type", "image/png")], None) is None
    assert Reading().answer("GET", 200, HTML, None) is None
    assert not Reading().on


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [
        ("gzip, deflate, br, zstd", CODINGS),
        ("*", CODINGS),
        ("gzip;q=1.0, identity", "gzip;q=1.0, identity"),
        ("", ""),
    ],
)
def test_servers_are_asked_for_codings_that_can_be_undone(accepted, asked):
    assert reading().codings(accepted) == asked


def test_a_hit_is_handed_off_and_blocks(tmp_path, media_sets):
    settings = MediaSettings(media_sets, tmp_path / "handoffs", "node", 0)
    eyes = Reading(None, Media(settings, {}, lambda: NOW, bytes))
    watch = eyes.answer("GET", 200, [("Content-Type", "image/png")], None)
    watch.take(specimen())
    verdict = asyncio.run(eyes.hashed(watch, "site.example", None))
    assert (verdict.act, verdict.why, verdict.reason) == (Act.BLOCK, Why.MEDIA, None)
    assert eyes.media.told()["written"] == 1
    form = eyes.upload([("Content-Type", "image/png")], len(specimen()))
    assert form.at_end
    assert asyncio.run(eyes.hashed(form, "site.example", specimen())).why is Why.MEDIA
    held = [eyes.upload([("Content-Type", "image/png")], PICTURE) for _ in range(20)]
    assert [each.at_end for each in held] == [True] * 8 + [False] * 12  # 64 MiB, and no more
    for each in held:
        each.drop()
    assert eyes.upload([("Content-Type", "image/png")], PICTURE).at_end
    other = eyes.answer("GET", 200, [("Content-Type", "image/png")], None)
    other.take(specimen()[:-9])
    assert asyncio.run(eyes.hashed(other, "site.example", None)) is None
    events = [("Content-Type", "text/event-stream")]
    assert eyes.answer("GET", 200, events, None) is None


@pytest.fixture
def media_sets(tmp_path):
    from tests.support.node import filterd  # noqa: PLC0415 - the one test that needs a process

    folder = tmp_path / "sets"
    folder.mkdir()
    assert filterd("media", "test-set", str(folder / "test.set")).returncode == 0
    return folder
