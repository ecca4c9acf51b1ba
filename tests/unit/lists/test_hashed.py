"""Lists of hashed URLs on disk: taken whole or refused, and compiled beside the other kind."""

import pytest

from filterd.core import HashedUrls
from filterd.lists.gate import Guard, Held, judge
from filterd.lists.hashed import inspect_hashed
from filterd.lists.wanted import Kind
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from tests.support.requests import hidden

FORM = "hashed-urls"
SPEC = ListSpec("hidden", FORM)
BAD = hidden("bad.test/games/", "other.test/page").encode()


def test_what_is_in_one():
    found = inspect_hashed(SPEC, BAD, ())
    assert (found.format, found.accepted, found.refused, found.caught) == (FORM, 2, (), ())
    assert isinstance(judge(None, inspect_hashed(SPEC, hidden().encode(), ())), Held)


@pytest.mark.parametrize(
    "data", [BAD.rstrip().rpartition(b"\n")[0], b"<html>\n", b"", BAD + b"bad.test/\n"]
)
def test_what_is_not_whole_is_refused(data):
    with pytest.raises(RulesError, match="hidden: "):
        inspect_hashed(SPEC, data, ())


def test_a_site_that_must_stay_is_noticed_by_its_entry():
    names = Guard(top=("everyday.test", "other.test")).names(SPEC)
    (caught,) = inspect_hashed(SPEC, hidden("everyday.test/").encode(), names).caught
    assert (caught.name, len(caught.pattern)) == ("everyday.test", 24)
    assert inspect_hashed(SPEC, hidden("everyday.test/ads/").encode(), names).caught == ()


def test_each_kind_is_a_file_and_what_has_not_changed_is_taken_over(site):
    ads = site.publish("ads", b"||ads.test^\n", "abp-url")
    secret = site.publish("hidden", BAD, FORM)
    names = site.publish("names", b"a.test\n", "domains")
    wanted = (ads, secret, names)
    assert [each.kind for each in site.update(*wanted)] == [Kind.UPDATED] * 3
    first = site.compile(*wanted).generation
    assert {count.name: (count.format, count.accepted) for count in first.lists} == {
        "names": ("domains", 1),
        "ads": ("abp-url", 1),
        "hidden": (FORM, 2),
    }
    loaded = site.rules.load()
    assert not site.blocks("bad.test")
    assert HashedUrls.open(str(loaded.requests["hashed"])).matches("http://bad.test/games/1")
    assert not site.compile(*wanted).fresh

    site.publish("hidden", hidden("later.test/").encode(), FORM)
    site.update(*wanted)
    second = site.compile(*wanted).generation
    assert second.requests["abp"] == first.requests["abp"]
    assert second.names_key == first.names_key
    loaded = site.rules.load()
    assert HashedUrls.open(str(loaded.requests["hashed"])).matches("http://later.test/")
    assert [count.accepted for count in second.lists] == [1, 1, 1]

    site.update(ads, names)
    third = site.compile(ads, names).generation
    assert third.requests == {"abp": first.requests["abp"]}


def test_a_damaged_one_leaves_the_one_before_in_use(site):
    secret = site.publish("hidden", BAD, FORM)
    site.update(secret)
    before = site.compile(secret).generation
    site.publish("hidden", BAD[:-5], FORM)
    (outcome,) = site.update(secret)
    assert outcome.kind is Kind.FAILED
    assert "line 7" in outcome.reasons[0]
    again = site.compile(secret)
    assert (again.fresh, again.generation) == (False, before)


def test_a_damaged_or_missing_file_is_made_anew(site):
    secret = site.publish("hidden", BAD, FORM)
    site.update(secret)
    part = site.compile(secret).generation.requests["hashed"]
    path = site.rules.folder / part.file
    path.write_bytes(path.read_bytes()[:-1])
    assert "damaged" in site.rules.load().problem
    site.rules.discard_damaged()
    assert not path.exists()
    assert site.compile(secret).fresh
    assert site.rules.load().problem is None
    assert HashedUrls.open(str(path)).counts == [(0, 2)]
