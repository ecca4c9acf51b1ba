"""The header book and the plan made of it."""

import shutil

import pytest
from pydantic import ValidationError

from filterd.config.http_headers import HttpHeadersConfig
from filterd.http.request_headers import read_plan
from filterd.model.errors import ConfigError, RulesError
from filterd.model.group import Group
from filterd.model.name import ascii_name
from filterd.policy.http_header_book import FILE, load_header_book
from filterd.policy.http_header_plan import header_plan
from filterd.policy.rulebook import default_directory, load_rulebook

RULES = default_directory()
BOOK = load_rulebook(RULES)
HEADERS = load_header_book(RULES, BOOK)
GROUPS = (Group("primary", 6), Group("guests", 18, filtered=False))


def config(**tenants):
    return HttpHeadersConfig.model_validate({"tenants": tenants})


def test_our_own_file_is_whole():
    assert dict(HEADERS.youtube) == {"moderate": "Moderate", "strict": "Strict"}
    dns = {each.names for each in BOOK.safe_search if each.engine == "youtube"}
    assert dns == {HEADERS.youtube_names}
    assert {each.name for each in HEADERS.tenants} >= {"google-workspace", "microsoft-365", "slack"}
    for each in HEADERS.tenants:
        assert all(ascii_name(name) == name for name in (*each.names, *each.under))
        words = {field.word: ["abc"] for field in each.fields}
        plan = header_plan(HEADERS, GROUPS, config(**{each.name: {"set": words}}))
        assert read_plan(plan)
        assert plan["headers"][-1]["groups"] == ["primary"]


def test_without_groups_that_ask_nothing_is_said():
    off = HttpHeadersConfig(youtube=False, safe_search=False)
    assert header_plan(HEADERS, GROUPS, off) == {"version": 1, "headers": [], "search": []}
    none = (Group("staff", 18, youtube="off", safe_search=False),)
    assert header_plan(HEADERS, none, HttpHeadersConfig())["headers"] == []


@pytest.mark.parametrize(
    ("tenants", "why"),
    [
        ({"gogle": {}}, "no service 'gogle'; there are google-workspace"),
        ({"slack": {"set": {"requester": "T1"}}}, "workspaces is missing; Slack needs it"),
        (
            {"slack": {"set": {"requester": ["T1", "T2"], "workspaces": "T1"}}},
            "requester: takes one value",
        ),
        (
            {"google-workspace": {"set": {"domain": "a.example", "domains": "a.example"}}},
            "no 'domain'; there are domains",
        ),
        ({"microsoft-consumer": {"set": {"x": "y"}}}, "there are none"),
        ({"microsoft-consumer": {"groups": ("nobody",)}}, "no filtered group 'nobody'"),
        ({"microsoft-consumer": {"groups": ("guests",)}}, "no filtered group 'guests'"),
    ],
)
def test_a_mistake_is_told(tenants, why):
    with pytest.raises(ConfigError, match=why):
        header_plan(HEADERS, GROUPS, config(**tenants))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a\r\nHost: b",
        "a,b",
        "a b",
        " a",
        "a\0",
        "ă",
        "x" * 129,
        [],
        ["a"] * 51,
        [5],
        5,
        {"a": "b"},
        None,
    ],
)
def test_a_value_that_is_no_identifier_is_refused(value):
    with pytest.raises(ValidationError, match="allowed"):
        config(slack={"set": {"requester": value}})


def test_the_configuration_can_be_written_and_read_again():
    given = config(
        slack={"set": {"requester": "T1", "workspaces": ["T1", "E2"]}, "groups": ("primary",)}
    )
    assert HttpHeadersConfig.model_validate(given.model_dump()) == given


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("takes: one", "takes: two", "must be one or many"),
        ("engine: google", "engine: gogle", "no engine 'gogle'"),
        ("    under: [google.com]\n", "", "needs names or under"),
        ("paths: [/search]", "paths: [search]", "each beginning with /"),
        ("strict: Strict", "strikt: Strict", "strikt"),
        (
            "    fixed: {header: sec-Restrict-Tenant-Access-Policy, value: restrict-msa}\n",
            "",
            "needs headers or fixed",
        ),
        ("names: [login.live.com]", "names: [Login.live.com]", "lower case"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, old, new, why):
    shutil.copytree(RULES, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / FILE).read_text()
    assert old in text
    (tmp_path / FILE).write_text(text.replace(old, new, 1))
    with pytest.raises(RulesError, match=f"{FILE}:[0-9]+: .*{why}"):
        load_header_book(tmp_path, BOOK)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(RulesError, match="cannot be read"):
        load_header_book(tmp_path, BOOK)
