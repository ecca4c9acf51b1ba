"""The gate over lists as they are published."""

import pytest

from filterd.lists.gate import Held, Pass, judge
from filterd.lists.inspection import inspect
from filterd.model.group import ListSpec
from tests.support.data import real_list

pytestmark = pytest.mark.real
EVERYDAY = ("google.com", "facebook.com", "zalo.me", "wikipedia.org")


def look(name: str, form: str = "auto"):
    return inspect(ListSpec(name, form), real_list(name), EVERYDAY).summary


@pytest.mark.parametrize("form", ["adblock", "dnsmasq", "rpz", "onlydomains", "wildcard"])
def test_a_good_list_passes_in_every_format_and_is_recognised(form):
    summary = look(f"hagezi/light/{form}")
    assert summary.format == form
    assert summary.accepted > 10_000
    assert judge(None, summary) == Pass()


def test_a_list_for_browsers_passes_with_what_dns_can_use():
    summary = look("abp/abpvn", "adblock")
    assert summary.refusals > summary.accepted > 0
    assert judge(None, summary) == Pass()


@pytest.mark.parametrize(
    ("name", "caught"),
    [("hagezi/social/rpz", "facebook.com"), ("chongluadao/urls-pihole", "zalo.me")],
)
def test_a_list_that_names_what_everybody_uses_is_held(name, caught):
    summary = look(name)
    assert caught in {hit.name for hit in summary.caught}
    verdict = judge(None, summary)
    assert isinstance(verdict, Held)
    assert caught in " ".join(verdict.reasons)


def test_a_list_in_the_wrong_format_is_held():
    summary = look("hagezi/light/adblock", "dnsmasq")
    assert summary.accepted == 0
    assert isinstance(judge(None, summary), Held)
