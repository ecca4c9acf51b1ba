"""URLs through the Python face of the core: building, finding, saving, deciding."""

import json

import pytest

from filterd.core import Index, IndexBuilder, Patterns, Snapshot, canonical_url

PLAN = json.dumps(
    {
        "classes": [{"action": "block"}, {"action": "allow"}, {"action": "block"}],
        "layers": [3],
        "ranks": [[1797, 1280, 512]],
        "groups": [
            {
                "name": "g",
                "segments": [{"from": 0, "ranks": 0}],
                "default": "pass",
                "answer": {"style": "nxdomain", "ttl": 60},
            }
        ],
        "default_group": 0,
    }
)
LIST, ALLOW, ORDER = range(3)


def snapshot(*rules, names=(), regexes=(), networks=()):
    builder = IndexBuilder(lines=True)
    for line, (host, path, subtree, class_id) in enumerate(rules, 1):
        builder.add_url(host, path, subtree, class_id, line)
    for name, class_id in names:
        builder.add_name(name, 1, class_id)
    for regex, class_id in regexes:
        builder.add_regex(regex, class_id)
    for network, class_id in networks:
        builder.add_network(network, 0, class_id)
    return Snapshot([builder.finish("{}")], PLAN, 1)


def test_the_one_spelling():
    assert canonical_url("HTTPS://u:p@Example.COM.:443/a/../%62?c#d") == ("example.com", "/b?c")
    assert canonical_url("http://2130706433") == ("127.0.0.1", "/")
    assert canonical_url("http://[::ffff:127.0.0.1]/") == ("127.0.0.1", "/")
    assert canonical_url("https://user@/x") is None
    with pytest.raises(UnicodeEncodeError):
        canonical_url("https://example.com/\ud800")


def test_ranks_decide_between_names_and_urls():
    here = snapshot(
        ("example.com", "/games", True, LIST),
        ("bad.example", "/", False, ORDER),
        names=[("school.example.com", ALLOW), ("bad.example", ALLOW)],
    )
    kinds = {
        url: here.decide_url(url, 0.0).kind
        for url in (
            "https://www.example.com/games/1",
            "https://school.example.com/games/1",
            "https://bad.example/",
            "https://www.bad.example/",
        )
    }
    assert list(kinds.values()) == ["block", "allow", "block", "allow"]
    decision = here.decide_url("http://www.example.com//games/1", 0.0)
    assert (decision.pattern, decision.pattern_kind, decision.line) == (
        "example.com/games",
        "url",
        1,
    )


def test_regexes_and_addresses_count_for_a_host():
    here = snapshot(regexes=[("^casino[0-9]", LIST)], networks=[("192.0.2.0/24", LIST)])
    assert here.decide_url("https://casino7.example/casino", 0.0).pattern == "^casino[0-9]"
    assert here.decide_url("https://www.example/casino7", 0.0).kind == "pass"
    assert here.decide_url("http://0xc0.0.513/", 0.0).pattern == "192.0.2.0/24"
    assert here.decide_url("http://[64:ff9b::192.0.2.9]/", 0.0).kind == "block"
    assert here.decide_url("http://198.51.100.1/", 0.0).kind == "pass"


def test_what_is_no_url_is_an_error():
    here = snapshot(("example.com", "/", False, LIST))
    for call in (here.decide_url, here.matches_url):
        with pytest.raises(ValueError, match="not a URL"):
            call("http://", 0.0)
    with pytest.raises(KeyError):
        here.decide_url("http://example.com/", 0.0, group="nobody")
    for host, path in (("example.com", "x"), ("exa mple.com", "/"), ("a" * 64, "/")):
        with pytest.raises(ValueError, match="not a host"):
            IndexBuilder().add_url(host, path, True, 0)
    with pytest.raises(ValueError, match="scope"):
        IndexBuilder().add_name("example.com", 3, 0)


def test_saved_it_is_found_again(tmp_path):
    builder = IndexBuilder(lines=True)
    builder.add_url("example.com", "/a", True, 2, 7)
    builder.add_name("example.com", 0, 1, 8)
    made = builder.finish('{"x":1}')
    path = str(tmp_path / "overlay.idx")
    made.save(path)
    for index in (made, Index.open(path)):
        assert (index.names, index.urls, index.meta) == (1, 1, '{"x":1}')
        assert index.find_url("https://www.example.com/a/b") == [(2, "url", "example.com/a", 7)]
        assert index.find("example.com") == [(1, "exact", "example.com", 8)]
    assert b"/a" not in (tmp_path / "overlay.idx").read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["overlay.idx", "overlay.idx.lines"]
    with pytest.raises(OSError, match="nowhere"):
        made.save(str(tmp_path / "nowhere" / "x.idx"))


def test_patterns_of_an_order_bring_their_urls():
    long = ".".join(["a" * 60] * 4)
    patterns = Patterns([(2, "forum.example/b/"), (0, "a.example"), (2, f"{long}/x")])
    builder = IndexBuilder()
    assert patterns.add_to(builder, 0) == 2
    index = builder.finish("{}")
    assert (index.names, index.urls) == (1, 1)
    assert index.find_url("forum.example/b/c") == [(0, "url", "forum.example/b", 0)]
