"""Lists of rules about requests on disk: read, compiled beside the index, taken over, mended."""

import json

import pytest

from filterd.core import Abp
from filterd.formats.detect import detect
from filterd.lists.abp import COMPILER, inspect_abp
from filterd.lists.gate import Guard, Held, judge
from filterd.lists.rollback import rollback
from filterd.lists.wanted import Kind, Wanted
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from tests.support.data import real_list

ADS = ListSpec("ads", "abp-url")
TEXT = b"""\
! a comment
||ads.test^$third-party
@@||ads.test/ok/
##.banner
||window.test^$popup
||bad.test^$nothing-known
"""
PAGE = (
    b"<!DOCTYPE html>\n<html>\n<head><title>502</title></head>\n<body>bad gateway</body>\n</html>\n"
)


def test_files_of_another_version_are_compiled_anew(tmp_path):
    file = tmp_path / "rules"
    Abp.build([(TEXT, 0)]).save(str(file))
    assert int.from_bytes(file.read_bytes()[8:12], "little") == COMPILER  # else they stay


def test_what_became_of_the_lines():
    found = inspect_abp(ADS, TEXT, ())
    assert (found.format, found.accepted, found.comments) == ("abp-url", 2, 1)
    assert dict(found.refused) == {"cosmetic-rule": 1, "option:other": 1, "option:popup": 1}
    assert found.likeness == 1.0


def test_a_page_instead_of_a_list_is_held_back():
    before, after = inspect_abp(ADS, TEXT, ()), inspect_abp(ADS, PAGE, ())
    assert isinstance(judge(before, after), Held)
    assert isinstance(judge(before, inspect_abp(ADS, b"", ())), Held)


@pytest.mark.parametrize(
    ("rule", "caught"),
    [
        ("||everyday.test^", True),
        ("||everyday.test^$document", True),
        ("||everyday.test^$third-party", False),
        ("||everyday.test/ads/", False),
        ("||everyday.test^\n@@||everyday.test^", False),
    ],
)
def test_a_site_that_must_stay_is_noticed(rule, caught):
    found = inspect_abp(ADS, rule.encode(), Guard(top=("everyday.test",)).names(ADS))
    assert [hit.name for hit in found.caught] == ["everyday.test"] * caught


def test_too_much_is_refused_with_words():
    with pytest.raises(RulesError, match="too big; leave one out"):
        inspect_abp(ADS, bytes(128 * 2**20 + 1), ())


def test_no_list_is_taken_for_one_by_its_looks():
    form, scores = detect(TEXT)
    assert form is None or form.name == "adblock"
    assert "abp-url" not in scores


@pytest.mark.parametrize("name", ["easylist", "easyprivacy", "abpvn"])
def test_real_lists_pass_the_gate(name):
    from filterd.app.lists_work import EVERYDAY  # noqa: PLC0415 - the names a school must reach

    found = inspect_abp(ADS, real_list(f"abp/{name}"), EVERYDAY)
    assert found.likeness > 0.9
    assert found.caught == ()
    assert not isinstance(judge(None, found), Held)


def test_both_are_compiled_and_what_has_not_changed_is_taken_over(site):
    ads, names = site.publish("ads", TEXT, "abp-url"), site.publish("names", b"a.test\n", "domains")
    assert [each.kind for each in site.update(ads, names)] == [Kind.UPDATED] * 2
    first = site.compile(ads, names).generation
    assert {count.name: count.format for count in first.lists} == {
        "ads": "abp-url",
        "names": "domains",
    }
    loaded = site.rules.load()
    assert not site.blocks("ads.test")
    assert site.blocks("a.test")
    assert (
        Abp.open(str(loaded.requests["abp"])).check("https://ads.test/", None, "script") is not None
    )
    assert not site.compile(ads, names).fresh

    site.publish("names", b"a.test\nb.test\n", "domains")
    site.update(ads, names)
    second = site.compile(ads, names).generation
    assert second.requests == first.requests
    assert site.blocks("b.test")

    site.publish("ads", TEXT + b"||later.test^\n")
    site.update(ads, names)
    third = site.compile(ads, names).generation
    assert third.requests["abp"].file != second.requests["abp"].file
    assert third.names_key == second.names_key
    here = site.rules.path
    assert here(third.number).stat().st_ino == here(second.number).stat().st_ino
    assert site.blocks("b.test")
    # The first is nobody's any more, and its index is gone with it.
    assert len(list(site.rules.folder.glob("abp-*.rules"))) == 2

    back = rollback(site.lists, site.rules)
    assert back.lists == ("ads",)
    assert site.rules.load().generation.requests == second.requests


def test_a_damaged_or_missing_file_is_made_anew_and_names_do_not_wait(site):
    ads, names = site.publish("ads", TEXT, "abp-url"), site.publish("names", b"a.test\n", "domains")
    site.update(ads, names)
    path = site.rules.folder / site.compile(ads, names).generation.requests["abp"].file
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    loaded = site.rules.load()
    assert loaded.index.find("a.test")
    assert "damaged" in loaded.problem
    site.rules.discard_damaged()
    assert not path.exists()
    assert site.compile(ads, names).fresh
    loaded = site.rules.load()
    assert loaded.problem is None
    Abp.open(str(loaded.requests["abp"]))


def test_a_description_from_before_such_lists_is_still_read(site):
    names = site.publish("names", b"a.test\n", "domains")
    site.update(names)
    number = site.compile(names).generation.number
    path = site.rules.folder / f"gen-{number:08d}.json"
    said = json.loads(path.read_text())
    del said["requests"], said["index_key"]
    path.write_text(json.dumps(said))
    assert not site.compile(names).fresh
    assert site.rules.load().generation.requests == {}


def test_a_format_that_is_changed_reads_the_same_file_anew(site):
    plain = site.publish("ads", b"||ads.test^\n", "adblock")
    site.update(plain)
    site.compile(plain)
    assert site.blocks("ads.test")
    ads = Wanted(ListSpec("ads", "abp-url", path=plain.spec.path, url=plain.spec.url))
    assert [each.kind for each in site.update(ads)] == [Kind.UPDATED]
    site.compile(ads)
    assert not site.blocks("ads.test")
