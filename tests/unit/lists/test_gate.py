"""The gate: what a version may and may not be, compared with the one in use."""

import pytest

from filterd.formats.refusals import Code
from filterd.lists.gate import MALFORMED, MAX_NAMED, Bounds, Guard, Held, Pass, judge
from filterd.lists.shelf import Caught, Summary
from filterd.model.group import ListSpec

OLD = Summary("adblock", 1000, refused=(("bad-name", 3),), likeness=0.9)


def reasons(verdict) -> str:
    assert isinstance(verdict, Held)
    return " | ".join(verdict.reasons)


@pytest.mark.parametrize("accepted", [500, 1000, 90_000])
def test_ordinary_changes_pass(accepted):
    assert judge(OLD, Summary("adblock", accepted)) == Pass()


def test_the_first_version_passes():
    assert judge(None, Summary("hosts", 1)) == Pass()


def test_more_than_half_gone_is_held():
    assert "shrank by 50 %, from 1000 to 499" in reasons(judge(OLD, Summary("adblock", 499)))
    assert judge(OLD, Summary("adblock", 499), Bounds(max_shrink=0.6)) == Pass()


def test_a_small_list_may_shrink():
    assert judge(Summary("hosts", 10), Summary("hosts", 1)) == Pass()


def test_empty_is_held_first_or_later():
    assert "it is empty" in reasons(judge(None, Summary("hosts", 0)))
    assert "it is empty" in reasons(judge(OLD, Summary("adblock", 0)))
    assert judge(None, Summary("hosts", 0), Bounds(min_rules=0)) == Pass()


def test_fewer_than_it_must_have():
    assert "fewer than the 5" in reasons(judge(None, Summary("hosts", 4), Bounds(min_rules=5)))


def test_no_line_in_the_format_is_said_so():
    verdict = judge(None, Summary("hosts", 0, refused=(("bad-line", 7),)))
    assert "none of its 7 lines is a rule in format hosts" in reasons(verdict)


def test_mostly_refused_is_held_with_the_commonest_code():
    new = Summary("hosts", 10, refused=(("bad-name", 4), ("bad-syntax", 7)))
    assert "11 of 21 lines make no sense, most as bad-syntax (7)" in reasons(judge(None, new))
    assert judge(None, Summary("hosts", 10, refused=(("bad-name", 10),))) == Pass()
    assert isinstance(judge(None, new, Bounds(max_refused=0.4)), Held)
    assert judge(None, new, Bounds(max_refused=0.6)) == Pass()


def test_a_browser_list_may_be_mostly_not_for_dns():
    refused = (("cosmetic-rule", 5000), ("url-rule", 300), ("unsupported-modifier", 900))
    assert judge(None, Summary("adblock", 61, refused=refused)) == Pass()
    assert "none of its 6200 lines" in reasons(judge(None, Summary("adblock", 0, refused=refused)))


def test_every_malformed_code_says_so():
    assert {code.value for code in MALFORMED} == {
        code.value for code in Code if code.startswith("bad-") or code is Code.TOO_LONG
    }


def test_another_syntax_is_held_unless_configured():
    assert "no longer look like format adblock" in reasons(
        judge(OLD, Summary("adblock", 900, likeness=0.1))
    )
    assert judge(OLD, Summary("hosts", 900, likeness=0.1)) == Pass()


def test_newly_caught_names_are_held_and_named():
    new = Summary("adblock", 1000, caught=(Caught("gov.example", "example"),))
    assert "would block gov.example" in reasons(judge(OLD, new))
    assert "(rule for example)" in reasons(judge(None, new))


def test_what_is_caught_already_is_no_news():
    old = Summary("adblock", 1000, caught=(Caught("a.example", "a.example"),))
    new = Summary(
        "adblock", 1000, caught=(Caught("a.example", "example"), Caught("b.example", "example"))
    )
    assert judge(old, old) == Pass()
    text = reasons(judge(old, new))
    assert "b.example" in text
    assert "a.example" not in text


def test_many_caught_names_stay_short():
    caught = tuple(Caught(f"n{i}.example", "example") for i in range(50))
    verdict = judge(None, Summary("hosts", 9, caught=caught))
    assert isinstance(verdict, Held)
    assert len(verdict.reasons) == MAX_NAMED + 1
    assert verdict.reasons[-1] == "and 45 more such names"


def test_every_reason_is_told_at_once():
    new = Summary(
        "adblock",
        9,
        refused=(("bad-name", 90),),
        likeness=0.0,
        caught=(Caught("x.example", "x.example"),),
    )
    verdict = judge(OLD, new)
    assert isinstance(verdict, Held)
    assert len(verdict.reasons) == 4


def test_which_names_a_list_is_tried_with():
    guard = Guard(must=("111.example",), top=("social.example",))
    assert guard.names(ListSpec("l", "hosts")) == ("111.example", "social.example")
    assert guard.names(ListSpec("l", "hosts", category="social")) == ("111.example",)
    assert guard.names(ListSpec("l", "hosts", mandatory=True)) == ("111.example",)
    assert guard.names(ListSpec("l", "hosts", allow=True)) == ()


def test_a_detected_format_may_not_change():
    text = reasons(judge(OLD, Summary("hosts", 900), auto=True))
    assert "looked like adblock before and looks like hosts now" in text
