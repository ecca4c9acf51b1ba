"""The plan: what of a configuration becomes a rule, whose, and in which order."""

import ipaddress
import itertools
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.config.load import loads
from filterd.gateway.build import build_plan
from filterd.gateway.text import table, transaction
from filterd.gateway.who import apart
from filterd.gateway.words import NOTES, RULES
from filterd.model.errors import ConfigError

SCHOOL = """
language: en
listen: {udp: ['10.20.0.1:53', '[2001:db8::1]:53'], tcp: ['10.20.0.1:53', '[2001:db8::1]:53']}
default_group: pupils
groups:
  pupils: {age: 9, networks: [10.20.1.0/24]}
  staff: {age: 18, filtered: false, bypass_protection: false, networks: [10.20.2.0/24]}
clients: {laptop: {group: staff, ids: ['02:00:00:00:00:47', 10.20.1.9]}}
gateway:
  lan: [lan0]
"""
GOLDEN = """\
table inet filterd {
    set lan {
        type ifname
        elements = { "lan0" }
    }

    map nat_networks4 {
        type ipv4_addr : verdict
        flags interval
        elements = { 10.20.1.0/24 : goto nat_pupils }
    }

    map egress_networks4 {
        type ipv4_addr : verdict
        flags interval
        elements = { 10.20.1.0/24 : goto egress_pupils }
    }

    chain nat_pupils {
        # pupils
        meta nfproto ipv4 udp dport 53 ip daddr 10.20.0.1 accept
        meta nfproto ipv4 udp dport 53 counter dnat ip to 10.20.0.1:53 comment "dns-udp"
        meta nfproto ipv6 udp dport 53 ip6 daddr 2001:db8::1 accept
        meta nfproto ipv6 udp dport 53 counter dnat ip6 to [2001:db8::1]:53 comment "dns-udp"
        meta nfproto ipv4 tcp dport 53 ip daddr 10.20.0.1 accept
        meta nfproto ipv4 tcp dport 53 counter dnat ip to 10.20.0.1:53 comment "dns-tcp"
        meta nfproto ipv6 tcp dport 53 ip6 daddr 2001:db8::1 accept
        meta nfproto ipv6 tcp dport 53 counter dnat ip6 to [2001:db8::1]:53 comment "dns-tcp"
    }

    chain egress_pupils {
        # pupils
        udp dport 53 counter reject with icmpx admin-prohibited comment "dns-refused"
        tcp dport 53 counter reject with tcp reset comment "dns-refused"
        tcp dport 853 counter reject with tcp reset comment "dot"
        udp dport 853 counter reject with icmpx admin-prohibited comment "doq"
        udp dport 443 counter reject with icmpx admin-prohibited comment "quic"
        ct state new udp dport { 1194, 1701, 51820 } counter comment "vpn"
        ct state new tcp dport { 1194, 1723 } counter comment "vpn"
        ct state new meta l4proto 47 counter comment "vpn"
        ct state new udp dport { 500, 4500 } counter comment "ipsec"
        ct state new meta l4proto { 50, 51 } counter comment "ipsec"
        ct state new tcp dport { 9001, 9030, 9050, 9150 } counter comment "tor"
    }

    chain prerouting {
        type nat hook prerouting priority dstnat - 10; policy accept;
        iifname != @lan accept
        ip saddr vmap @nat_networks4
        goto nat_pupils
    }

    chain forward {
        type filter hook forward priority filter - 10; policy accept;
        iifname != @lan accept
        oifname @lan accept
        ip saddr vmap @egress_networks4
        goto egress_pupils
    }
}
"""


def plan(more="", school=SCHOOL):
    return build_plan(loads(school + more))


def keys(made, chain):
    (found,) = (each for each in made.chains if each.name == chain)
    return [rule.key for rule in found.rules if rule.key]


def test_the_whole_table_of_a_small_school():
    lines = [line for line in SCHOOL.splitlines() if "staff" not in line]
    assert table(plan(school="\n".join(lines))) == GOLDEN


def test_the_same_configuration_gives_the_same_text():
    assert transaction(plan()) == transaction(plan())


def test_whoever_may_go_round_us_may_but_queries_are_ours():
    made = plan()
    assert keys(made, "egress_staff") == ["dns-refused", "dns-refused"]
    assert set(keys(made, "nat_staff")) == {"dns-udp", "dns-tcp"}


def test_a_known_client_comes_before_its_network():
    made = plan()
    (chain,) = (each for each in made.chains if each.name == "forward")
    lookups = [rule.action for rule in chain.rules if "vmap" in rule.action]
    assert lookups == [
        "ip saddr vmap @egress_clients4",
        "ether saddr vmap @egress_devices",
        "ip saddr vmap @egress_networks4",
    ]
    assert chain.rules[-1].action == "goto egress_pupils"


def test_of_networks_the_smallest_holds_whoever_named_it_and_of_equal_ones_the_clients():
    ids = "ids: [10.20.0.0/16, 10.20.2.0/24]"
    school = SCHOOL.replace("staff: {", "guests: {age: 16}\n  staff: {").replace(
        "group: staff, ids: ['02:00:00:00:00:47', 10.20.1.9]", f"group: guests, {ids}"
    )
    (networks,) = (each for each in plan(school=school).maps if each.name == "egress_networks4")
    found = dict(networks.elements)
    assert found["10.20.1.0/24"] == "goto egress_pupils"
    assert found["10.20.2.0/24"] == "goto egress_guests"
    assert found["10.20.128.0/17"] == "goto egress_guests"


def test_who_is_known_to_dns_alone_goes_by_network_and_that_is_told() -> None:
    known = SCHOOL.replace("ids: ['02:00:00:00:00:47', 10.20.1.9]", "ids: ['user:host/pc.example']")
    assert known != SCHOOL
    plan = build_plan(loads(known))
    assert "who-by-network" in plan.notes
    assert "user" not in table(plan)
    assert "who-by-network" not in build_plan(loads(SCHOOL)).notes


def test_each_switch_takes_its_rules_away():
    off = "  redirect_dns: false\n  close_encrypted_dns: false\n  close_quic: false\n"
    off += "  count_bypass: false\n"
    assert all(not rule.key for chain in plan(off).chains for rule in chain.rules)


def test_the_web_goes_to_the_http_filter_where_it_is_on():
    made = plan("http: {listen: {transparent: ['10.20.0.1:8080']}}\n")
    assert keys(made, "nat_pupils")[-1] == "web"
    assert "web" not in keys(made, "nat_staff")
    assert "no-web" not in made.notes
    switched = "  redirect_web: false\nhttp: {listen: {transparent: ['10.20.0.1:8080']}}\n"
    assert "web" not in keys(plan(switched), "nat_pupils")


@pytest.mark.parametrize(
    ("doors", "without"),
    [
        ("'10.20.0.1:8080', '[2001:db8::1]:8080'", ()),
        ("'0.0.0.0:8080', '[::]:8080'", ()),
        ("'10.20.0.1:8080'", (6,)),
        ("'[2001:db8::1]:8080'", (4,)),
        ("'10.20.0.1:8080', '[::1]:8080'", (6,)),  # which nobody else reaches
    ],
)
def test_the_web_goes_past_the_http_filter_over_neither_family(doors, without):
    more = f"http: {{listen: {{transparent: [{doors}]}}}}\n"
    made = plan(more)
    (chain,) = (each for each in made.chains if each.name == "egress_pupils")
    refused = [(each.match, each.action) for each in chain.rules if each.key == "web-refused"]
    match, reset = "meta nfproto ipv{} tcp dport {{ 80, 443 }}", "reject with tcp reset"
    assert refused == [(match.format(each), reset) for each in without]
    assert "web-refused" not in keys(made, "egress_staff")
    assert [each for each in made.notes if each.startswith("no-web")] == [
        f"no-web-door{each}" for each in without
    ]
    off = plan(f"  redirect_web: false\n{more}")
    assert "web-refused" not in keys(off, "egress_pupils")
    assert not any(each.startswith("no-web-door") for each in off.notes)


def test_a_family_without_a_door_is_refused_and_told():
    only4 = SCHOOL.replace(", '[2001:db8::1]:53'", "")
    made = plan(school=only4)
    assert "no-dns-door6" in made.notes
    assert "ipv6" not in table(made)


def test_learning_comes_before_refusing():
    assert keys(plan("  egress: {groups: [pupils]}\n"), "egress_pupils")[-1] == "gate-learning"
    enforced = plan("  egress: {groups: [pupils], enforce: true}\n")
    assert keys(enforced, "egress_pupils")[-2:] == ["gate", "gate"]
    assert "gate" not in keys(enforced, "egress_staff")


def test_tunnels_are_counted_and_refused_to_strict_groups_that_are_held_to_it():
    def actions(more):
        chains = {each.name: each for each in plan(more).chains}
        return {
            name: [
                each.action for each in chains[name].rules if each.key in {"vpn", "ipsec", "tor"}
            ]
            for name in ("egress_pupils", "egress_staff")
        }

    for more in ("", "  egress: {groups: [pupils]}\n"):
        assert actions(more) == {"egress_pupils": [""] * 6, "egress_staff": []}
    held = actions("  egress: {groups: [pupils], enforce: true}\n")
    assert len(held["egress_pupils"]) == 6
    assert all(each.startswith("reject") for each in held["egress_pupils"])
    assert held["egress_staff"] == []


def test_what_was_learned_goes_on_only_where_its_set_still_is():
    kept = {"resolved_pupils4": ("192.0.2.1 timeout 60s",), "resolved_gone4": ("192.0.2.2",)}
    text = transaction(plan("  egress: {groups: [pupils]}\n"), kept)
    assert "add element inet filterd resolved_pupils4 { 192.0.2.1 timeout 60s }" in text
    assert "resolved_gone4" not in text


def test_what_is_closed_by_address_is_not_sent_to_the_http_filter_where_nobody_would_count_it():
    made = plan("  doh: [192.0.2.1]\nhttp: {listen: {transparent: ['10.20.0.1:8080']}}\n")
    rules = {each.name: [(r.match, r.action, r.key) for r in each.rules] for each in made.chains}
    past = ("ip daddr @doh4 tcp dport 443", "accept", "")
    web = next(each for each in rules["nat_pupils"] if each[2] == "web")
    assert rules["nat_pupils"].index(past) < rules["nat_pupils"].index(web)
    assert past not in rules["nat_staff"]
    assert past[0] in [match for match, _, key in rules["egress_pupils"] if key == "doh"]


def test_names_of_groups_become_names_of_chains():
    made = plan(school=SCHOOL.replace("pupils", "Lớp 3 Đ").replace("staff", "三年"))
    names = {each.group: each.name for each in made.chains if each.name.startswith("egress")}
    assert names == {"Lớp 3 Đ": "egress_lop_3_d", "三年": "egress_2"}


def test_every_rule_and_note_has_its_words_in_both_languages():
    made = plan(
        "  doh: [192.0.2.1, '2001:db8::53']\n  egress: {groups: [pupils]}\n"
        "http: {listen: {transparent: ['10.20.0.1:8080']}}\n"
    )
    met = {rule.key for chain in made.chains for rule in chain.rules if rule.key}
    assert met | {"gate"} == set(RULES["en"]) == set(RULES["vi"])
    assert set(plan().notes) <= set(NOTES["en"]) == set(NOTES["vi"])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("gateway: {lan: [lan0]}", "devices there cannot reach filterd"),
        ("gateway: {lan: ['a b']}", "is no network interface"),
        ("gateway: {egress: {groups: [nobody]}}", "unknown group 'nobody'"),
        ("gateway: {lan: [a], uplink: [a], redirect_dns: false}", "is in `lan` too"),
    ],
)
def test_what_cannot_work_is_told(said, told):
    with pytest.raises(ConfigError, match=told):
        loads(said)


def steps(act):
    """Count calls of functions, which no other load of the machine changes."""
    met = []
    before = sys.getprofile()
    sys.setprofile(lambda _frame, event, _what: met.append(event) if event == "call" else None)
    try:
        act()
    finally:
        sys.setprofile(before)
    return len(met)


def test_twice_as_many_addresses_are_twice_the_work():
    def known(number):
        within = ipaddress.ip_network("10.0.0.0/8")
        return [(within, "a"), *((ipaddress.ip_network(within[n]), "b") for n in range(number))]

    few, many = known(250), known(500)
    assert steps(lambda: apart(many)) < 3 * steps(lambda: apart(few))


@pytest.mark.parametrize("kind", [ipaddress.IPv4Network, ipaddress.IPv6Network])
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 255), st.integers(0, 12)), st.sampled_from("abc"), max_size=8
    ),
    st.integers(0, 2**32 - 1),
)
def test_the_smallest_network_wins_although_none_overlap(kind, drawn, number):
    width = kind("::/0" if kind is ipaddress.IPv6Network else "0.0.0.0/0").max_prefixlen
    owners = {
        kind((first << (width - 8), length), strict=False): owner
        for (first, length), owner in drawn.items()
    }
    address = next(iter(kind((number << (width - 32), width))))
    holders = [each for each in owners if address in each]
    wanted = owners[max(holders, key=lambda each: each.prefixlen)] if holders else None
    pieces = apart(owners.items())
    assert [owner for network, owner in pieces if address in network] == [wanted] * bool(holders)
    assert pieces == sorted(pieces, key=lambda each: each[0])
    assert not any(one.overlaps(two) for (one, _), (two, _) in itertools.pairwise(pieces))
