"""Lists into an index: shapes, leftovers, refusals, `$badfilter`, allow lists, orders, zones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd import core
from filterd.formats.registry import by_name
from filterd.model.group import ListSpec
from filterd.model.rule import Action
from filterd.policy import lists_index
from filterd.policy.classes_json import read_meta
from filterd.policy.lists_index import compile_lists
from tests.support.data import real_list
from tests.support.plan_eval import FakeBuilder
from tests.support.policy_world import WordFormat, list_spec


def compiled(*lists, **options):
    builder = FakeBuilder()
    sources = [(spec, text.encode(), form) for spec, text, form in lists]
    return compile_lists(sources, builder, **options), builder


def one(text, **fields):
    result, builder = compiled((list_spec("l", **fields), text, WordFormat()))
    return result, builder


def meanings(result, builder, name):
    return [result.table.classes[hit[0]] for hit in builder.find(name)]


def test_plain_lines_go_by_shape_and_the_rest_by_reader():
    result, builder = one("# note\n\na.test\nimportant b.test\nbad\n/^c[0-9]/\n@192.0.2.0/24")
    report = result.reports[0]
    assert (report.accepted, report.comments, report.refused) == (4, 2, (("bad-line", 1),))
    assert report.refusals[0].line == 5
    assert [rule.important for rule in meanings(result, builder, "b.test")] == [True]
    assert [hit[4] for hit in builder.find("a.test")] == [3]
    assert [hit[4] for hit in builder.find("c7.test")] == [6]
    assert builder.find_address("192.0.2.9", 0)[0][4] == 7


def test_shapes_change_no_outcome():
    text = "a.test\nimportant b.test\nbad\na.test\nallow a.test\nvoid b.test"
    outcomes = []
    for shaped in (True, False):
        result, builder = compiled((list_spec("l"), text, WordFormat(shaped=shaped)))
        report = result.reports[0]
        found = [(rule.action, rule.important) for rule in meanings(result, builder, "a.test")]
        outcomes.append((report.accepted, report.refused, sorted(found)))
    assert outcomes[0] == outcomes[1]


def test_refusals_kept_are_bounded_but_all_are_counted():
    result, _ = compiled((list_spec("l"), "bad\n" * 50, WordFormat()), keep_refusals=3)
    report = result.reports[0]
    assert (len(report.refusals), report.refused_total) == (3, 50)
    result, _ = compiled((list_spec("l"), "bad\n" * 50, WordFormat()), keep_refusals=None)
    assert len(result.reports[0].refusals) == 50


def test_a_pattern_the_core_cannot_run_is_refused_with_its_line():
    result, builder = one("/(/\n@300.1.1.1/8\na.test")
    report = result.reports[0]
    assert report.refused == (("unsupported-pattern", 2),)
    assert [refusal.line for refusal in report.refusals] == [1, 2]
    assert report.accepted == 1
    assert builder.regexes == []


@pytest.mark.parametrize("void_first", [True, False])
@pytest.mark.parametrize(
    "line", ["a.test", "important a.test", "allow =a.test", "/^a/", "$dnsrewrite rewrite a.test"]
)
def test_badfilter_reaches_every_list_of_its_format_in_any_order(void_first, line):
    texts = [f"void {line}", f"{line}\nkeep.test"]
    lists = [
        (list_spec(f"l{n}"), text, WordFormat())
        for n, text in enumerate(texts if void_first else reversed(texts))
    ]
    result, builder = compiled(*lists)
    assert meanings(result, builder, "a.test") == []
    assert len(meanings(result, builder, "keep.test")) == 1


def test_badfilter_leaves_other_rules_and_other_formats_alone():
    result, builder = compiled(
        (list_spec("l"), "void a.test\nimportant a.test\nallow a.test", WordFormat()),
        (list_spec("other"), "a.test", WordFormat("other")),
    )
    found = [
        (rule.list, rule.action, rule.important) for rule in meanings(result, builder, "a.test")
    ]
    assert sorted(found) == [
        ("l", Action.ALLOW, False),
        ("l", Action.BLOCK, True),
        ("other", Action.BLOCK, False),
    ]


def test_badfilter_voids_networks():
    result, builder = one("@192.0.2.0/24\nvoid @192.0.2.0/24\n@198.51.100.0/24")
    assert [network for network, *_ in builder.networks] == ["198.51.100.0/24"]
    assert result.reports[0].accepted == 3


def test_in_an_allow_list_every_block_is_an_exception():
    text = "a.test\nnxdomain b.test\nallow c.test\nrewrite d.test\nimportant e.test"
    result, builder = one(text, allow=True)
    for name in ("a.test", "b.test", "c.test", "e.test"):
        assert [rule.action for rule in meanings(result, builder, name)] == [Action.ALLOW]
        assert all(rule.allow_list for rule in meanings(result, builder, name))
    assert meanings(result, builder, "d.test") == []
    assert result.reports[0].refused == (("rewrite-in-allow-list", 1),)


def test_an_order_only_blocks():
    result, builder = one("a.test\nallow b.test\nunrewrite c.test", mandatory=True)
    assert result.reports[0].refused == (("exception-in-order", 2),)
    assert [rule.mandatory for rule in meanings(result, builder, "a.test")] == [True]


def test_zones_keep_their_order_and_orders_come_first():
    lists = [
        (ListSpec(name, "rpz", mandatory=mandatory), f"x.test CNAME .\n; {name}", by_name("rpz"))
        for name, mandatory in [("first", False), ("order", True), ("second", False)]
    ]
    result, _ = compiled(*lists)
    zones = {rule.list: rule.zone for rule in result.table.classes}
    assert sorted(zones, key=zones.get) == ["order", "first", "second"]
    assert max(zones.values()) < 65536


def test_category_and_age_of_the_list_are_on_its_classes():
    result, _ = one("a.test\nimportant b.test", category="games", min_age=16)
    assert {(rule.category, rule.min_age) for rule in result.table.classes} == {("games", 16)}


def test_the_meta_describes_every_class():
    result, _ = one(
        "a.test\n$dnsrewrite rewrite b.test\nnot-a c.test\nallow d.test", category="games"
    )
    assert read_meta(result.meta).classes == result.table.classes


def test_there_is_an_end_to_classes(monkeypatch):
    monkeypatch.setattr(lists_index, "MAX_CLASSES", 2)
    result, builder = one("a.test\nimportant b.test\nallow c.test\nimportant d.test")
    assert result.reports[0].refused == (("too-many-classes", 1),)
    assert len(result.table) == 2
    assert meanings(result, builder, "c.test") == []
    assert len(meanings(result, builder, "d.test")) == 1


def test_progress_is_told_to_the_end():
    told = []
    compiled((list_spec("l"), "bad\n" * 20_000, WordFormat()),
             progress=lambda name, done, total: told.append((name, done, total)))  # fmt: skip
    assert told[-1] == ("l", 80_000, 80_000)
    assert len(told) > 1
    assert told == sorted(told)


lines = st.sampled_from(
    ["a.test", "=a.test", "important a.test", "allow a.test", "rewrite a.test", "$dnsrewrite rewrite a.test",
     "/a/", "@192.0.2.0/24", "bad", "# note", "not-a b.test", "drop b.test"]
)  # fmt: skip


@given(st.lists(st.lists(st.tuples(lines, st.booleans()), max_size=6), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_what_stays_is_what_no_line_voids(lists):
    fixed = ("bad", "# note", "rewrite a.test")  # the last one is like a hosts line
    rows = [[(line, void and line not in fixed) for line, void in parts] for parts in lists]
    texts = ["\n".join(f"void {line}" if void else line for line, void in part) for part in rows]
    voided = {line for part in rows for line, void in part if void}
    left = {
        (n, line)
        for n, part in enumerate(rows)
        for line, void in part
        if not void and line not in voided and line not in ("bad", "# note")
    }
    sources = [(list_spec(f"l{n}"), text, WordFormat()) for n, text in enumerate(texts)]
    _, builder = compiled(*sources)
    alive = {(n, s, c) for n, s, c, _ in builder.names} - builder.removed
    alive |= {(regex, class_id) for regex, class_id, _ in builder.regexes}
    alive |= {(network, class_id) for network, _, class_id, _ in builder.networks}
    assert len(alive) == len(left)


@given(st.lists(lines, max_size=30), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_a_list_read_in_pieces_means_the_same(texts, size):
    text = "\n".join(texts)
    outcomes = []
    for piece in (size, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lists_index, "PIECE", piece)
            result, builder = one(text)
        found = (builder.names, builder.regexes, builder.networks)
        outcomes.append((result.reports, [sorted(each) for each in found]))
    assert outcomes[0] == outcomes[1]


@pytest.mark.real
@pytest.mark.parametrize("form", ["adblock", "dnsmasq", "rpz", "onlydomains"])
def test_a_real_list_compiles_alike_from_every_format(form):
    builder = core.IndexBuilder()
    spec = ListSpec("light", form, subdomains=True)
    result = compile_lists([(spec, real_list(f"hagezi/light/{form}"), by_name(form))], builder)
    index = builder.finish(result.meta)
    report = result.reports[0]
    assert report.refused_total == 0
    assert report.accepted > 10_000
    base = core.IndexBuilder()
    text = real_list("hagezi/light/onlydomains")
    compile_lists([(ListSpec("light", "onlydomains"), text, by_name("onlydomains"))], base)
    assert index.names == base.finish("{}").names
    names = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
    assert all(index.find(name) for name in names[::97])
