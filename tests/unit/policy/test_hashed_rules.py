"""Lists of hashed URLs: the core finds what plain Python finds, and a list's rank decides."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filterd.core import HashedUrls, canonical_url, public_suffix
from filterd.formats.hashed_urls import write_hashed
from filterd.formats.hashing import hash_urls
from filterd.model.errors import RulesError
from filterd.model.group import Group, ListSpec
from filterd.model.verdict import Step
from filterd.policy.abp_rules import Candidate
from filterd.policy.hashed_lists import compile_hashed
from filterd.policy.hashed_rules import hashed_candidate, hashed_classes
from filterd.policy.precedence import NOT_APPLICABLE, policy_of, standing

SALT = bytes(range(16))
HIDDEN = ListSpec("hidden", "hashed-urls")
PUPIL = Group("pupils", 10)
AGES = {"games": 12}


def code(expression: str, salt: bytes = SALT) -> bytes:
    return hmac.new(salt, expression.encode(), hashlib.sha256).digest()


def written(*expressions: str, salt: bytes = SALT, width: int = 12) -> bytes:
    lines = write_hashed(hash_urls(expressions, salt, width, 1))
    return "".join(f"{line}\n" for line in lines).encode()


def expressions(url: str) -> set[str]:
    """What Safe Browsing's text says, said once more."""
    spelled = canonical_url(url)
    assert spelled is not None
    host, path = spelled
    labels = host.split(".")
    suffixes = [".".join(labels[at:]) for at in range(len(labels))]
    if host.startswith("[") or labels[-1].isdigit():
        suffixes = []
    sites = [name for name in suffixes if not public_suffix(name)]
    plain = path.partition("?")[0]
    folders = plain.split("/")[:-1]
    roots = ["/".join(folders[: depth + 1]) + "/" for depth in range(len(folders))]
    return {
        each_host + each_path
        for each_host in {host, *sites[::-1][:4]}
        for each_path in {path, plain, *roots[:4]}
    }


LABEL = st.sampled_from(["a", "b", "www", "com", "vn"])
HOST = st.one_of(
    st.lists(LABEL, min_size=1, max_size=8).map(lambda labels: ".".join([*labels, "test"])),
    st.lists(LABEL, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "com.vn"])),
    st.sampled_from(["com.vn", "test", "192.0.2.1", "[2001:db8::1]"]),
)
PATH = st.lists(st.sampled_from(["a", "b", "c.html", ""]), max_size=8).map(
    lambda parts: "/" + "/".join(parts)
)
QUERY = st.sampled_from(["", "?", "?a", "?a/b/?c"])
URL = st.builds("{}{}{}".format, HOST, PATH, QUERY)


@given(st.lists(URL, max_size=6), st.lists(URL, max_size=4), st.integers(8, 32))
@example(["a.b.c.d.e.f.g.test/1/2/3/4/5/"], [], 12)
def test_the_core_finds_what_plain_python_finds(listed, asked, width):
    own = {"".join(canonical_url(url) or ()) for url in listed}
    salts = (SALT, SALT[::-1] * 2)
    halves = (own, {each for each in own if len(each) % 2})
    lists = [
        (salt, width, b"".join(code(each, salt)[:width] for each in half), place)
        for place, (salt, half) in enumerate(zip(salts, halves, strict=True))
    ]
    built = HashedUrls.build(lists)
    for url in [*asked, *listed, *(f"{url}/a/b" for url in listed if "?" not in url)]:
        wanted = {
            (place, each, code(each, salt)[:width])
            for place, (salt, half) in enumerate(zip(salts, halves, strict=True))
            for each in expressions(url) & half
        }
        found = built.matches(url)
        assert (set(found), len(found)) == (wanted, len(wanted))
        assert built.matches(url, only=[1]) == [row for row in found if row[0] == 1]
        lengths = [len(each) for place, each, _ in found if place == 0]
        hosts = [each.partition("/")[0] for place, each, _ in found if place == 0]
        assert [len(host) for host in hosts] == sorted(map(len, hosts), reverse=True)
        if len(set(hosts)) == 1:
            assert lengths == sorted(lengths, reverse=True)


def test_a_file_says_what_was_compiled_and_nothing_that_was_listed(tmp_path):
    names = ["secret.test/hidden/", "other.test/page?query"]
    lists = [(SALT, 12, b"".join(code(each)[:12] for each in names), 4)]
    path = tmp_path / "hashed"
    HashedUrls.build(lists).save(str(path))
    data = path.read_bytes()
    for word in (b"secret", b"hidden", b"other", b"page", b"query", b"test"):
        assert word not in data
        assert word[::-1] not in data
    opened = HashedUrls.open(str(path))
    assert opened.counts == [(4, 2)]
    assert opened.matches("http://www.secret.test/hidden/x") == [
        (4, "secret.test/hidden/", code("secret.test/hidden/")[:12])
    ]
    with pytest.raises(ValueError, match="not a URL with a host"):
        opened.matches("http:")
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(ValueError, match="compile"):
            HashedUrls.open(str(path))
    with pytest.raises(OSError, match="missing"):
        HashedUrls.open(str(tmp_path / "missing"))


def winner(url: str, *lists: tuple[ListSpec, bytes], group: Group = PUPIL) -> Candidate | None:
    rules = compile_hashed(lists)
    policy = policy_of(group, AGES)
    return hashed_candidate(rules, [standing(each, policy).rank for each in rules.classes], url)


def test_a_candidate_is_of_the_list_of_the_lowest_rank():
    order = (replace(HIDDEN, name="order", mandatory=True), written("a.test/b/"))
    good = (replace(HIDDEN, name="good", allow=True), written("a.test/b/c/", "a.test/b/"))
    usual = (HIDDEN, written("a.test/", "a.test/b/"))
    found = winner("http://www.a.test/b/c/d", usual, good, order)
    assert found is not None
    assert (found.blocks, found.rank >> 8, found.rule_class.list) == (True, Step.ORDER, "order")
    assert (found.rule, found.line) == (code("a.test/b/")[:12].hex(), 0)
    found = winner("http://www.a.test/b/c/d", usual, good)
    assert found is not None
    assert (found.blocks, found.rank >> 8, found.rule_class.list) == (False, Step.LIST, "good")
    assert found.rule == code("a.test/b/c/")[:12].hex()
    found = winner("http://www.a.test/", usual, good)
    assert found is not None
    assert (found.blocks, found.rule_class.list) == (True, "hidden")
    assert winner("http://b.test/", usual, good, order) is None


@pytest.mark.parametrize(("age", "blocked"), [(10, True), (12, False)])
def test_a_category_blocks_by_age(age, blocked):
    games = (replace(HIDDEN, category="games"), written("a.test/"))
    found = winner("http://a.test/", games, group=replace(PUPIL, age=age))
    assert (found is not None) is blocked


def test_only_what_outranks_a_decision_is_looked_for():
    rules = compile_hashed([(HIDDEN, written("a.test/"))])
    assert hashed_candidate(rules, [1800], "http://a.test/", below=1800) is None
    assert hashed_candidate(rules, [1800], "http://a.test/", below=1801) is not None
    assert hashed_candidate(rules, [NOT_APPLICABLE], "http://a.test/") is None


def test_a_list_that_does_not_read_is_named():
    with pytest.raises(RulesError, match="hidden: line 1: "):
        compile_hashed([(HIDDEN, b"a.test/\n")])
    with pytest.raises(RulesError, match="more than 64 lists"):
        compile_hashed([(HIDDEN, written("a.test/"))] * 65)
    assert len(hashed_classes([HIDDEN])) == 1
