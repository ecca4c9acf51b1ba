"""What is never decrypted as workers get it: the feed's core or the package's, and the school's."""

import json

import pytest

from filterd.app.handing_over import HandingOver
from filterd.feed.never import NeverList
from tests.support.handed import BOOK, CONFIG, handed, ruling

NEVER = NeverList(3, ("bank.example", "tax.example"))


def said(state):
    return json.loads((state / "http/ruling.json").read_text())["never_decrypt"]


def test_without_a_feed_it_is_the_package_s_core(tmp_path):
    found = handed(tmp_path).now
    assert found.never.core == frozenset(BOOK.never_decrypt)
    assert found.never.covers("clinic.example"), "what the school adds"
    assert said(tmp_path)["version"] is None


def test_the_feed_s_core_takes_its_place(tmp_path):
    found = handed(tmp_path, ruling(never=NEVER)).now
    assert found.never.core == frozenset(NEVER.names)
    assert found.never.covers("www.bank.example")
    assert not found.never.covers(BOOK.never_decrypt[0])
    assert found.never.covers("clinic.example"), "what the school adds stays added"
    assert said(tmp_path)["version"] == 3


@pytest.mark.parametrize("added", [[], ["other.example"]])
def test_no_configuration_takes_a_name_of_it_away(tmp_path, added):
    config = CONFIG | {"http": CONFIG["http"] | {"never_decrypt": added}, "block": ["bank.example"]}
    found = handed(tmp_path, ruling(config, never=NEVER)).now
    assert all(found.never.covers(name) for name in NEVER.names)


def test_another_one_is_swapped_in(tmp_path):
    rules, handing = handed(tmp_path, ruling(never=NEVER)), HandingOver(tmp_path)
    handing.write(ruling(number=2, never=NeverList(4, ("bank.example",))))
    assert rules.look()
    assert rules.now.never.core == frozenset({"bank.example"})
