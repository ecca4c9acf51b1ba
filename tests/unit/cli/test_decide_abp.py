"""`filterd decide --list abp-url=PATH`: rules in ABP syntax have a say about URLs."""

import json

import pytest

LIST = """\
! a list
||ads.test^$third-party
@@||ads.test/ok/$script,domain=news.test
||must.test^$important
/banner/$image
||names.test/lifted/
@@||names.test/lifted/
||window.test^$popup
"""


@pytest.fixture
def decide(run, tmp_path):
    """`decide(questions, options)` -> the answers, for the list above and one of names."""
    rules, names, lines = (tmp_path / name for name in ("rules", "names", "questions"))
    rules.write_text(LIST)
    names.write_text("names.test\n")

    def go(questions, options=""):
        lines.write_text("".join(f"{json.dumps(question)}\n" for question in questions))
        lists = [f"abp-url,name=abp{options}={rules}", f"domains,subdomains,name=names={names}"]
        words = [word for each in lists for word in ("--list", each)]
        code, out, err = run("decide", *words, str(lines))
        assert (code, "Traceback" in err) == (0, False)
        return [json.loads(line) for line in out.splitlines()]

    return go


def asked(url, kind="script", source="https://news.test/"):
    return {"url": url, "request_type": kind, "source_url": source}


def test_rules_block_and_exceptions_lift(decide):
    answers = decide(
        [
            asked("https://ads.test/x"),
            asked("https://ads.test/ok/x"),
            asked("https://ads.test/ok/x", source="https://other.test/"),
            asked("https://ads.test/x", source="https://www.ads.test/"),
            asked("https://must.test/ok/"),
            asked("http://WWW.names.test/banner/x", "image"),
            asked("https://a.test/banner/x", "image"),
            asked("https://a.test/banner/x"),
            asked("https://window.test/", "document"),
        ]
    )
    verdicts = [answer["verdict"] for answer in answers]
    expected = ["block", "allow", "block", "pass", "block", "block", "block", "pass", "pass"]
    assert verdicts == expected
    rule = "@@||ads.test/ok/$script,domain=news.test"
    assert answers[1] == {
        "verdict": "allow",
        "step": 7,
        "rule": rule,
        "list": "abp",
        "line": 3,
        "category": None,
        "min_age": None,
    }
    assert [answer["list"] for answer in answers[4:7]] == ["abp", "names", "abp"]


def test_an_exception_lifts_what_a_list_of_names_blocks_where_it_lifts_a_rule(decide):
    lifted, blocked = decide([asked("https://names.test/lifted/x"), asked("https://names.test/x")])
    assert (lifted["verdict"], lifted["list"]) == ("allow", "abp")
    assert (blocked["verdict"], blocked["list"]) == ("block", "names")


def test_a_name_is_decided_without_them(decide):
    (answer,) = decide([{"name": "ads.test"}])
    assert answer["verdict"] == "pass"


def test_a_url_without_a_scheme_and_a_name_in_another_script(decide):
    answers = decide([asked("must.test/x"), asked("https://b\u00fccher.must.test/")])
    assert [answer["verdict"] for answer in answers] == ["block", "block"]


def test_a_category_has_its_age(decide):
    (answer,) = decide([asked("https://ads.test/x")], ",category=gambling,mandatory")
    assert (answer["verdict"], answer["step"], answer["category"]) == ("block", 2, "gambling")
