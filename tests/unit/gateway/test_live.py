"""What is read from nft's own listing."""

import copy

from filterd.gateway.live import counts, fingerprint, keeping, learned

RULE = {
    "rule": {
        "family": "inet",
        "table": "filterd",
        "chain": "egress_pupils",
        "handle": 7,
        "comment": "dot",
        "expr": [{"counter": {"packets": 3, "bytes": 180}}, {"reject": {"type": "tcp reset"}}],
    }
}
HELD = {
    "set": {
        "name": "resolved_pupils4",
        "handle": 3,
        "flags": ["timeout"],
        "elem": [{"elem": {"val": "192.0.2.1", "timeout": 60, "expires": 41}},
                 {"elem": {"val": "192.0.2.2", "timeout": 60, "expires": 0}}],
    }
}  # fmt: skip
SEEN = {
    "set": {
        "name": "unresolved_pupils4",
        "flags": ["timeout", "dynamic"],
        "elem": [{"elem": {"val": {"concat": ["192.0.2.9", "tcp", 22]}, "expires": 5}}],
    }
}
NETWORKS = {"set": {"name": "doh4", "handle": 2, "elem": ["192.0.2.1", "192.0.2.2"]}}
ALL = [{"metainfo": {"version": "1"}}, HELD, SEEN, NETWORKS, RULE]


def changed(change):
    items = copy.deepcopy(ALL)
    change(items)
    return fingerprint(items) != fingerprint(ALL)


def test_what_changes_by_itself_is_no_change():
    assert not changed(lambda items: items[4]["rule"].update(handle=99))
    assert not changed(lambda items: items[4]["rule"]["expr"][0]["counter"].update(packets=9))
    assert not changed(lambda items: items[1]["set"]["elem"].clear())
    assert not changed(lambda items: items[3]["set"]["elem"].reverse())
    assert not changed(lambda items: items[0]["metainfo"].update(version="2"))


def test_what_somebody_did_is_one():
    assert changed(lambda items: items[4]["rule"]["expr"].pop())
    assert changed(lambda items: items[3]["set"]["elem"].pop())
    assert changed(lambda items: items.pop())


def test_counts_are_by_chain_and_key_and_added():
    assert counts([*ALL, RULE]) == {("egress_pupils", "dot"): 6}


def test_what_was_learned_keeps_the_time_it_has_left():
    assert learned(ALL)["unresolved_pupils4"] == [("192.0.2.9 . tcp . 22", 5)]
    assert keeping(ALL) == {
        "resolved_pupils4": ("192.0.2.1 timeout 41s",),
        "unresolved_pupils4": ("192.0.2.9 . tcp . 22 timeout 5s",),
    }
