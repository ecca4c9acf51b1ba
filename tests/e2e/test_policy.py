"""Who asks decides what is answered: groups, ages, names, block styles, answers looked into."""

import time

import pytest

from tests.support.dnsclient import data_of, ede_of, ede_text
from tests.support.knot import knot
from tests.support.node import eventually, node

pytestmark = pytest.mark.real

PUPIL, TEEN, STAFF, DEVICE, FREE = (f"127.0.0.{n}" for n in (10, 15, 18, 71, 99))
STYLES = {"nxdomain": "127.0.0.21", "nodata": "127.0.0.22", "refused": "127.0.0.23"}
PAGE = "127.0.0.24"
CLOSED, ONLY = "127.0.0.30", "127.0.0.31"
RPZ = """\
$TTL 60
@ SOA ns.rpz.example. hostmaster.rpz.example. 1 3600 600 86400 60
  NS ns.rpz.example.
32.7.100.51.198.rpz-ip CNAME .
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory, resolver):
    folder = tmp_path_factory.mktemp("node")
    (folder / "games.txt").write_text("games.example.com\n")
    (folder / "order.txt").write_text("other.example.com\n")
    (folder / "addresses.rpz").write_text(RPZ)
    (folder / "named.txt").write_text("||www.example.com^$client=tablet\n")
    with knot(folder / "knot") as knot_port, node(folder, config(resolver, knot_port)) as one:
        yield one


def config(resolver, knot_port):
    kids = {"age": 10, "youtube": "strict"}
    groups = {
        "pupils": {**kids, "networks": [f"{PUPIL}/32"]},
        "teens": {"age": 15, "networks": [f"{TEEN}/32"]},
        "staff": {
            "age": 18,
            "networks": [f"{STAFF}/32"],
            "safe_search": False,
            "youtube": "off",
            "bypass_protection": False,
        },
        "free": {"age": 18, "networks": [f"{FREE}/32"], "filtered": False},
        "page": {
            **kids,
            "networks": [f"{PAGE}/32"],
            "answer": {"style": "address", "ipv4": "192.0.2.80", "ipv6": "2001:db8::80"},
        },
        "closed": {
            **kids,
            "networks": [f"{CLOSED}/32"],
            "schedules": [{"outside": "never", "block": "all"}],
        },
        "only": {
            **kids,
            "networks": [f"{ONLY}/32"],
            "allow_only": True,
            "allow": ["www.example.com"],
        },
    }
    for style, address in STYLES.items():
        groups[style] = {**kids, "networks": [f"{address}/32"], "answer": {"style": style}}
    return {
        "upstream": {
            "servers": [f"127.0.0.1:{resolver.port}"],
            "zones": {"example.test": [f"127.0.0.1:{knot_port}"]},
        },
        "default_group": "pupils",
        "groups": groups,
        "clients": {"tablet": {"group": "pupils", "ids": [DEVICE]}},
        "schedules": {"never": {"windows": []}},
        "block": ["bad.example.com"],
        "rebind": {"exceptions": ["intranet.example.com"]},
        "lists": {
            "games": {"format": "domains", "path": "games.txt", "category": "games"},
            "order": {"format": "domains", "path": "order.txt", "mandatory": True},
            "addresses": {"format": "rpz", "path": "addresses.rpz", "zone": "rpz.example"},
            "named": {"format": "adblock", "path": "named.txt"},
        },
        "records": [
            "printer.school.example A 10.0.0.9",
            "*.lab.school.example 60 A 10.0.0.10",
            "alias.school.example CNAME printer.school.example",
            "chain.school.example CNAME alias.school.example",
            "out.school.example CNAME www.example.com",
            "hidden.school.example CNAME bad.example.com",
        ],
    }


def test_a_game_by_age(running):
    assert data_of(running.ask("games.example.com", source=PUPIL)) == ["0.0.0.0"]
    assert data_of(running.ask("games.example.com", source=TEEN)) == ["192.0.2.68"]
    assert data_of(running.ask("games.example.com", source=STAFF)) == ["192.0.2.68"]


def test_the_reason_of_a_block_by_age(running):
    answer = running.ask("games.example.com", source=PUPIL)
    assert ede_of(answer) == 17
    assert ede_text(answer).startswith("not for this age: ")


def test_an_order_binds_everyone_even_who_is_not_filtered(running):
    for source in (PUPIL, STAFF, FREE):
        answer = running.ask("other.example.com", source=source)
        assert (data_of(answer), ede_of(answer)) == (["0.0.0.0"], 16), source
    assert data_of(running.ask("games.example.com", source=FREE)) == ["192.0.2.68"]
    assert data_of(running.ask("bad.example.com", source=FREE)) == ["0.0.0.0"], "the school's own"


def test_dig_from_two_addresses(running):
    assert running.dig("-b", PUPIL, "games.example.com").data() == ["0.0.0.0"]
    assert running.dig("-b", STAFF, "games.example.com").data() == ["192.0.2.68"]


def test_a_rule_for_one_named_client(running):
    assert data_of(running.ask("www.example.com", source=DEVICE)) == ["0.0.0.0"]
    assert ede_of(running.ask("www.example.com", source=DEVICE)) == 15
    assert data_of(running.ask("www.example.com", source=PUPIL)) == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("style", "rcode"), [("nxdomain", "NXDOMAIN"), ("nodata", "NOERROR"), ("refused", "REFUSED")]
)
def test_block_styles_without_an_address(running, style, rcode):
    shown = running.dig("-b", STYLES[style], "bad.example.com")
    assert (shown.status, shown.answers, shown.ede) == (rcode, [], 17)
    assert ("SOA" in shown.text) == (style != "refused")


def test_block_style_address(running):
    assert running.dig("-b", PAGE, "bad.example.com").data() == ["192.0.2.80"]
    assert running.dig("-b", PAGE, "bad.example.com", "AAAA").data("AAAA") == ["2001:db8::80"]
    txt = running.dig("-b", PAGE, "bad.example.com", "TXT")
    assert (txt.status, txt.answers) == ("NOERROR", [])


def test_closed_hours_close_all_but_what_must_not_be_blocked(running):
    assert ede_text(running.ask("www.example.com", source=CLOSED)) == "blocked at this hour"
    assert data_of(running.ask("chinhphu.vn", source=CLOSED)) == ["192.0.2.94"]


def test_allow_only(running):
    assert data_of(running.ask("www.example.com", source=ONLY)) == ["192.0.2.1"]
    answer = running.ask("ech.example.com", source=ONLY)
    assert (data_of(answer), ede_text(answer)) == (["0.0.0.0"], "not on the allowed list")


def test_safe_search_and_youtube(running):
    shown = running.dig("-b", PUPIL, "www.google.com")
    assert shown.data("CNAME") == ["forcesafesearch.google.com."]
    assert shown.data() == ["192.0.2.98"]
    assert running.dig("-b", STAFF, "www.google.com").data() == ["192.0.2.97"]
    shown = running.dig("-b", PUPIL, "www.youtube.com")
    assert shown.data("CNAME") == ["restrict.youtube.com."]
    assert shown.data() == ["192.0.2.96"]


def test_a_cloaked_name_is_blocked(running):
    answer = running.ask("cloak.example.com", source=PUPIL)
    assert (data_of(answer), ede_of(answer)) == (["0.0.0.0"], 17)
    assert data_of(running.ask("chain.example.com", source=PUPIL)) == ["www.example.com."]


def test_an_address_in_an_rpz_zone_is_blocked(running):
    answer = running.ask("home.example.net", source=PUPIL)
    assert (answer.rcode(), ede_of(answer)) == (3, 15)


def test_rebinding(running):
    answer = running.ask("rebind.example.com", source=PUPIL)
    assert data_of(answer) == []
    assert ede_text(answer) == "private address in a public name"
    assert data_of(running.ask("intranet.example.com", source=PUPIL)) == ["10.1.2.4"]


def test_ech_stays_for_staff_only(running):
    assert "ech=" not in data_of(running.ask("ech.example.com", "HTTPS", source=PUPIL))[0]
    assert "alpn" in data_of(running.ask("ech.example.com", "HTTPS", source=PUPIL))[0]
    assert "ech=" in data_of(running.ask("ech.example.com", "HTTPS", source=FREE))[0]


def test_ech_stays_where_bypass_protection_is_off(running):
    assert "ech=" in data_of(running.ask("ech.example.com", "HTTPS", source=STAFF))[0]


def test_the_canary(running):
    assert running.ask("use-application-dns.net", source=PUPIL).rcode() == 3


def test_conditional_forwarding_to_knot(running):
    assert data_of(running.ask("www.example.test", source=PUPIL)) == ["192.0.2.1"]
    assert running.ask("gone.example.test", source=PUPIL).rcode() == 3


def test_local_records(running):
    assert data_of(running.ask("printer.school.example")) == ["10.0.0.9"]
    assert data_of(running.ask("any.lab.school.example")) == ["10.0.0.10"]
    assert data_of(running.ask("a.b.lab.school.example")) == ["10.0.0.10"]
    assert data_of(running.ask("lab.school.example")) == ["192.0.2.50"], "upstream's, not hidden"
    answer = running.ask("printer.school.example", "AAAA")
    assert (answer.rcode(), data_of(answer)) == (0, [])


def test_a_local_chain(running):
    answer = running.ask("chain.school.example")
    assert data_of(answer) == ["alias.school.example.", "printer.school.example.", "10.0.0.9"]


def test_a_local_chain_that_leaves_is_followed_by_us(running):
    answer = running.ask("out.school.example")
    assert data_of(answer) == ["www.example.com.", "192.0.2.1"]
    assert data_of(running.ask("out.school.example", "AAAA"))[-1] == "2001:db8::1"


def test_a_local_chain_to_a_blocked_name(running):
    assert data_of(running.ask("hidden.school.example", source=PUPIL)) == ["0.0.0.0"]


def test_special_names_never_go_upstream(running):
    before = running.metric("filterd_upstream_queries_total")
    assert data_of(running.ask("localhost")) == ["127.0.0.1"]
    for name in ("x.invalid", "x.local", "hidden.onion", "x.test"):
        assert running.ask(name).rcode() == 3, name
    assert running.ask("1.0.168.192.in-addr.arpa", "PTR").rcode() == 3
    assert running.metric("filterd_upstream_queries_total") == before


def test_what_happened_is_counted_and_names_nobody(running):
    running.ask("games.example.com", source=PUPIL)
    eventually(lambda: running.metric('filterd_verdicts_total{step="local-block"') > 0)
    eventually(lambda: running.metric('filterd_category_hits_total{category="games"}') > 0)
    page = running.http("/metrics")[1]
    assert PUPIL not in page
    assert "example.com" not in page


def test_a_ttl_never_outlives_the_next_switch(tmp_path, resolver):
    now = time.time() + 7 * 3600  # Hanoi
    switch = (int(now) // 60 + 2) * 60  # one to two minutes from now
    clock = [f"{s // 3600 % 24:02}:{s // 60 % 60:02}" for s in (switch - 7200, switch)]
    changes = {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {
            "g": {
                "age": 10,
                "schedules": [{"during": "s", "block": ["category:games"]}],
                "answer": {"ttl": "1h"},
            }
        },
        "schedules": {"s": {"windows": [{"from": clock[0], "to": clock[1]}]}},
        "block": ["bad.example.com"],
    }
    with node(tmp_path, changes) as one:
        for name in ("www.example.com", "bad.example.com"):
            assert 0 < one.dig(name).answers[0][1] <= 120, name
