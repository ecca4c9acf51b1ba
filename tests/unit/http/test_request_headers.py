import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.config.http_headers import HttpHeadersConfig
from filterd.http.request_headers import HeaderPlanInvalid, read_plan
from filterd.model.group import Group
from filterd.policy.http_header_book import load_header_book
from filterd.policy.http_header_plan import header_plan
from filterd.policy.rulebook import default_directory, load_rulebook

BOOK = load_header_book(default_directory(), load_rulebook(default_directory()))
GROUPS = (
    Group("primary", 6, youtube="strict"),
    Group("upper", 15),
    Group("staff", 18, youtube="off", safe_search=False),
    Group("guests", 18, filtered=False),
)
CONFIG = HttpHeadersConfig.model_validate(
    {
        "tenants": {
            "google-workspace": {
                "set": {"domains": ["school.example", "edu.example"]},
                "groups": ("upper",),
            },
            "microsoft-consumer": {},
            "microsoft-365": {
                "set": {
                    "tenants": "school.example",
                    "directory": "00000000-0000-0000-0000-000000000001",
                }
            },
        }
    }
)
PLAN = json.loads(json.dumps(header_plan(BOOK, GROUPS, CONFIG)))
RULES = read_plan(PLAN)
OWN = ((b"Host", b"x"), (b"Accept", b"*/*"))


def sent(host, group="primary", fields=OWN):
    after = RULES.apply(fields, group=group, host=host)
    return {
        name.decode().lower(): value.decode()
        for name, value in after
        if (name, value) not in fields
    }


def test_youtube_is_told_the_level_of_the_group():
    assert sent("www.youtube.com") == {"youtube-restrict": "Strict"}
    assert sent("m.youtube.com", "upper") == {"youtube-restrict": "Moderate"}
    assert sent("www.youtube.com", "staff") == {}
    assert sent("www.youtube.com", "guests") == {}
    assert sent("www.youtube.com", "unknown group") == {}


@pytest.mark.parametrize(
    "host",
    ["example.test", "youtube.com.example.test", "xwww.youtube.com", "a.www.youtube.com", "googlevideo.com",
     "notgoogle.com", "google.com.example.test", "com", "", "login.live.com.example.test", "192.0.2.1"],
)  # fmt: skip
def test_no_other_host_is_told_anything(host):
    for group in ("primary", "upper", "staff", "guests"):
        assert RULES.apply(OWN, group=group, host=host) is OWN


def test_tenants_are_set_by_group_and_host():
    assert sent("accounts.google.com", "upper") == {
        "x-googapps-allowed-domains": "school.example,edu.example"
    }
    assert sent("google.com", "upper") == sent("accounts.google.com", "upper")
    assert sent("accounts.google.com", "primary") == {}
    assert sent("login.live.com", "staff") == {"sec-restrict-tenant-access-policy": "restrict-msa"}
    assert sent("login.microsoftonline.com") == {
        "restrict-access-to-tenants": "school.example",
        "restrict-access-context": "00000000-0000-0000-0000-000000000001",
    }
    assert sent("login.live.com", "guests") == {}


def test_what_the_client_sent_is_replaced():
    fields = (
        (b"X-GoogApps-Allowed-Domains", b"gmail.example"), (b"Accept", b"*/*"),
        (b"x-googapps-ALLOWED-domains", b"other.example"),
    )  # fmt: skip
    after = RULES.apply(fields, group="upper", host="mail.google.com")
    assert after == (
        (b"Accept", b"*/*"),
        (b"X-GoogApps-Allowed-Domains", b"school.example,edu.example"),
    )
    assert RULES.apply(fields, group="upper", host="example.test") is fields
    assert RULES.apply(after, group="upper", host="mail.google.com") == after


def test_the_safe_preference_joins_the_clients_own():
    assert sent("www.bing.com") == {"prefer": "safe"}
    both = RULES.apply(((b"Prefer", b"respond-async"),), group="primary", host="bing.com")
    assert both == ((b"Prefer", b"respond-async"), (b"Prefer", b"safe"))
    for value in (b"safe", b"respond-async, Safe", b"safe; x=1"):
        fields = ((b"prefer", value),)
        assert RULES.apply(fields, group="primary", host="bing.com") == fields
    assert len(RULES.apply(((b"prefer", b"unsafe"),), group="primary", host="bing.com")) == 2


@pytest.mark.parametrize(
    ("host", "target", "after"),
    [
        ("www.google.com", "/search?q=a", "/search?q=a&safe=active"),
        ("www.google.com.vn", "/search", "/search?safe=active"),
        ("www.google.com", "/search?q=a&safe=active", None),
        ("www.google.com", "/search?safe=off&q=a", "/search?q=a&safe=active"),
        ("www.google.com", "/search?safe=active&q=a&safe=off", "/search?q=a&safe=active"),
        ("www.google.com", "/search?q=a&s%61fe=off", "/search?q=a&safe=active"),
        ("www.google.com", "/search?q=a&SAFE=off", "/search?q=a&safe=active"),
        ("www.google.com", "/search?q=a&+safe%00=off&safe", "/search?q=a&safe=active"),
        ("www.google.com", "/s%65arch?q=a", "/s%65arch?q=a&safe=active"),
        ("www.google.com", "/search?q=safe%3Doff", "/search?q=safe%3Doff&safe=active"),
        ("www.google.com", "/search?q=a#x", "/search?q=a&safe=active#x"),
        ("www.google.com", "/maps?q=a", None),
        ("www.google.com", "/search/about?q=a", None),
        ("www.bing.com", "/images/search?q=a&adlt=off", "/images/search?q=a&adlt=strict"),
        ("duckduckgo.com", "/?q=a&kp=-2", "/?q=a&kp=1"),
        ("example.test", "/search?q=a", None),
        ("google.com.example.test", "/search?q=a", None),
    ],
)
def test_searches_are_made_safe(host, target, after):
    assert RULES.safe_target("GET", target, group="primary", host=host) == after


def test_only_searches_of_groups_that_have_it_are_changed():
    assert RULES.safe_target("GET", "/search?q=a", group="staff", host="www.google.com") is None
    assert RULES.safe_target("POST", "/search?q=a", group="primary", host="www.google.com") is None


@given(
    st.lists(
        st.sampled_from(
            ["q=a", "safe=off", "safe=active", "%73afe=x", "safe", "", "a=b=c", "%", "safe%3d=1"]
        )
    )
)
def test_a_safe_target_is_stable_and_keeps_the_rest(parts):
    target = "/search?" + "&".join(parts)
    after = RULES.safe_target("GET", target, group="primary", host="www.google.com") or target
    assert RULES.safe_target("GET", after, group="primary", host="www.google.com") is None
    assert after.endswith("safe=active")
    assert after.count("safe=active") == 1
    assert [each for each in after[8:].split("&") if each in ("q=a", "a=b=c")] == [
        each for each in parts if each in ("q=a", "a=b=c")
    ]


def changed(path, value):
    plan = copy.deepcopy(PLAN)
    at = plan
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return plan


@pytest.mark.parametrize(
    "plan",
    [
        None, [], {}, "x", {"version": 2}, {"version": 1}, {"version": 1, "headers": 5, "search": []},
        changed(["headers", 0, "set"], {"YouTube-Restrict": "Strict\r\nHost: evil.test"}),
        changed(["headers", 0, "set"], {"YouTube-Restrict": "a\nb"}),
        changed(["headers", 0, "set"], {"YouTube-Restrict": "a\0"}),
        changed(["headers", 0, "set"], {"YouTube-Restrict": ""}),
        changed(["headers", 0, "set"], {"YouTube-Restrict": " a"}),
        changed(["headers", 0, "set"], {"YouTube-Restrict": "ă"}),
        changed(["headers", 0, "set"], {"YouTube-Restrict": "x" * 2049}),
        changed(["headers", 0, "set"], {"YouTube-Restrict": 5}),
        changed(["headers", 0, "set"], {"X:": "a"}), changed(["headers", 0, "set"], {"": "a"}),
        changed(["headers", 0, "set"], {"X\r\nY": "a"}), changed(["headers", 0, "set"], {"Host": "evil.test"}),
        changed(["headers", 0, "set"], {"content-length": "5"}), changed(["headers", 0, "set"], {"Cookie": "a=b"}),
        changed(["headers", 0, "set"], ["a"]), changed(["headers", 0, "names"], ["*"]),
        changed(["headers", 0, "names"], ["Example.test"]), changed(["headers", 0, "names"], [""]),
        changed(["headers", 0, "names"], [5]), changed(["headers", 0, "under"], None),
        changed(["headers"], [PLAN["headers"][0]] * 1001),
        changed(["search", 0, "value"], "a&b=c"), changed(["search", 0, "parameter"], "a b"),
        changed(["search", 0, "paths"], ["/a\r\n"]), changed(["search", 0], {}),
    ],
    ids=range(32),
)  # fmt: skip
def test_a_plan_that_could_do_harm_is_refused_whole(plan):
    with pytest.raises(HeaderPlanInvalid):
        read_plan(plan)


@given(
    st.binary(max_size=20),
    st.sampled_from(["www.youtube.com", "bing.com", "accounts.google.com", "example.test"]),
    st.sampled_from(["primary", "upper", "staff", "x"]),
)
def test_no_field_of_the_request_is_lost_or_doubled(name, host, group):
    fields = ((name, b"1"), (name, b"2"), *OWN)
    after = RULES.apply(fields, group=group, host=host)
    assert [field for field in after if field in fields] == list(fields)
    assert RULES.apply(after, group=group, host=host) == after
