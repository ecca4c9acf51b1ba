"""What the daemon knows of sites' labels: when a host is looked at, what counts and what is saved."""

import json
from types import SimpleNamespace

import pytest

from filterd.app.http_labels import Fetchable
from filterd.app.site_days import FILE, MOST_DAYS, keep_day
from filterd.app.site_labels import SiteLabels
from filterd.config.load import loads
from filterd.http.labels.base import Label
from filterd.http.labels.cache import DAY, SITE_SECONDS, LabelCache
from filterd.http.labels.site import SiteLabel
from filterd.http.labels.unlabelled import DayCount

T16 = (SiteLabel(Label(16, "test")),)


class Sites:
    def __init__(self, cache=None, allowed=lambda _host: True):
        self.now = 5 * DAY
        self.cache = cache or LabelCache(bytes(16))
        self.made = SiteLabels(self.cache, allowed, lambda: self.now, lambda low, _high: low)

    def look(self, host, found):
        self.made.see(host, labelled=False)
        self.now += 1000
        assert self.made.wanted().host == host
        self.made.done(host, found)


def test_a_label_is_kept_and_only_a_change_is_worth_saving():
    sites = Sites()
    sites.look("silent.example", ())
    assert not sites.made.changed
    sites.look("a.example", T16)
    assert sites.made.changed
    assert sites.cache.find("a.example", "/", sites.now).min_age == 16
    kept = sites.made.frozen()
    assert [len(sites) for _, _, sites in kept.files.items(sites.now)] == [1]


def test_a_label_that_was_taken_away_is_a_change_too():
    sites = Sites()
    sites.look("a.example", T16)
    sites.made.changed = False
    sites.now += SITE_SECONDS - 2000
    sites.made.done("a.example", None)  # no answer says nothing
    assert sites.cache.labelled("a.example", sites.now)
    sites.look("a.example", ())
    assert sites.made.changed
    assert sites.cache.find("a.example", "/", sites.now) is None


def test_sites_of_vn_are_counted_when_it_is_known_whether_they_have_a_label():
    sites = Sites()
    sites.made.see("a.edu.vn", labelled=False)
    sites.made.see("b.edu.vn", labelled=True)
    assert sites.made.numbers()["vn"] == {"yes": 1, "no": 0}
    sites.now += 1000
    for found in ((), T16):
        sites.now += 10
        sites.made.done(sites.made.wanted().host, found)
    assert sites.made.numbers()["vn"] == {"yes": 1, "no": 1}
    sites.made.see("www.a.edu.vn", labelled=False)  # not looked at yet
    assert sites.made.numbers()["vn"] == {"yes": 1, "no": 1}
    assert sites.made.turn() is None
    sites.now += DAY
    day = sites.made.turn()
    assert (day.labelled, day.unlabelled) == (1, 1)
    assert sites.made.numbers()["vn"] == {"yes": 0, "no": 0}


def test_where_nothing_is_fetched_pages_alone_say_it():
    sites = Sites()
    sites.made.fetching = False
    sites.made.see("a.edu.vn", labelled=False)
    sites.now += 1000
    assert sites.made.wanted() is None
    assert sites.made.numbers()["vn"] == {"yes": 0, "no": 1}


def test_a_daemon_that_begins_anew_does_not_look_again_at_what_it_knows():
    before = Sites()
    before.look("a.example", T16)
    after = Sites(before.cache)
    after.made.see("a.example", labelled=True)
    after.now += 2000
    assert after.made.wanted() is None
    after.now += 8 * DAY
    after.made.see("a.example", labelled=True)
    after.now += 2000
    assert after.made.wanted().host == "a.example"


def test_a_host_that_may_not_be_looked_at_is_neither_fetched_nor_counted():
    sites = Sites(allowed=lambda _host: False)
    sites.made.see("a.edu.vn", labelled=True)
    sites.now += 2000
    assert sites.made.wanted() is None
    assert sites.made.numbers()["vn"] == {"yes": 0, "no": 0}


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("news.example", True),
        ("printer.school.example", False),
        ("a.b.wiki.example", False),
        ("bank.example", False),
        ("www.bank.example", False),
        ("union.example", False),
        ("moodle.inside.example", False),
        ("nas.lan", False),
        ("localhost", False),
        ("router", False),
    ],
)
def test_which_hosts_may_be_looked_at(host, may):
    config = loads(
        """{"records": ["printer.school.example A 192.0.2.9", "*.wiki.example A 192.0.2.9"],
            "upstream": {"zones": {"inside.example": ["192.0.2.53"]}},
            "http": {"never_decrypt": ["union.example"]}}"""
    )
    core = SimpleNamespace(never_decrypt=("bank.example",))
    inputs = SimpleNamespace(config=config, book=core, never=None)
    node = SimpleNamespace(ruling=SimpleNamespace(inputs=inputs))
    assert Fetchable(node)(host) is may


def test_each_day_is_a_line_of_numbers_and_old_ones_go(tmp_path):
    for number in range(MOST_DAYS + 3):
        keep_day(tmp_path, DayCount(number * 86_400, 1, number), whole=number > 0)
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    assert len(lines) == MOST_DAYS
    assert lines[-1] == {
        "day": (MOST_DAYS + 2) * 86_400,
        "labelled": 1,
        "unlabelled": MOST_DAYS + 2,
        "full": False,
        "whole": True,
    }
