"""Lists of rules about requests in a configuration: check, lists, explain and decide show them."""

import json

import pytest

RULES = """\
! about requests
||ads.test^$script,third-party
@@||ads.test/ok/
||ads.test/ok/$image
##.banner
"""


@pytest.fixture
def fetched(run, config, tmp_path):
    """The configuration with two such lists and one of names, compiled."""
    rules, order, names = (tmp_path / name for name in ("rules", "order", "names"))
    rules.write_text(RULES)
    order.write_text("||ordered.test^$script\n")
    names.write_text("named.test\n")
    with open(config, "a") as out:  # noqa: PTH123 - a path in text, as commands take it
        out.write(
            "lists:\n"
            f"  rules: {{format: abp-url, path: {rules}}}\n"
            f"  order: {{format: abp-url, path: {order}, mandatory: true}}\n"
            f"  names: {{format: domains, path: {names}}}\n"
        )
    assert run("lists", "update", "-c", config)[0] == 0
    return config


def test_a_configuration_with_one_is_good(run, config, tmp_path):
    with open(config, "a") as out:  # noqa: PTH123 - as above
        out.write(f"lists: {{ads: {{format: abp-url, path: {tmp_path / 'none'}}}}}\n")
    code, out, _ = run("check", "-c", config)
    assert code == 1  # its file is not there yet, and that is all
    assert "abp-url" in out


def test_status_counts_what_became_of_the_lines(run, fetched):
    rows = json.loads(run("lists", "status", "--json", "-c", fetched)[1])
    ads = next(row for row in rows if row["name"] == "rules")
    assert (ads["state"], ads["format"], ads["entries"]) == ("ok", "abp-url", 3)
    assert ads["refused"] == [["cosmetic-rule", 1]]


def test_a_file_is_checked_before_it_is_configured(run, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(RULES)
    code, out, _ = run("lists", "check", f"abp-url={path}")
    assert (code, out.splitlines()[0]) == (1, "format abp-url: 3 rules, 1 comments")
    assert "1 refused: cosmetic-rule" in out
    facts = json.loads(run("lists", "check", f"abp-url={path}", "--json")[1])
    assert (facts["accepted"], facts["refused_by_code"]) == (3, {"cosmetic-rule": 1})
    path.write_text("||ads.test^\n")
    assert run("lists", "check", f"abp-url={path}")[0] == 0


def test_they_cannot_be_converted(run, tmp_path):
    code, _, err = run("lists", "convert", f"abp-url={tmp_path / 'any'}", "--to", "rpz")
    assert code != 0
    assert "about requests" in err


def explained(run, config, url, *words, group="pupils"):
    words = ("--group", group, *words)
    return run.json("explain", url, *words, "-c", config, "--json")


def test_explain_shows_the_rule_that_decides_and_the_others(run, fetched):
    asked = ("--request-type", "script", "--source", "https://page.test/")
    walk = explained(run, fetched, "https://ads.test/x.js", *asked)
    assert (walk["verdict"], walk["step"]) == ("block", 7)
    deciding = [r for step in walk["steps"] for r in step["rules"] if r["decides"]]
    assert [(r["list"], r["line"]) for r in deciding] == [("rules", 2)]
    assert deciding[0]["pattern"] == "||ads.test^$script,third-party"
    walk = explained(run, fetched, "https://ads.test/ok/x.js", *asked)
    assert (walk["verdict"], walk["step"]) == ("allow", 7)
    rules = [r for step in walk["steps"] for r in step["rules"]]
    assert [(r["action"], r["decides"]) for r in rules] == [("allow", True), ("block", False)]
    assert explained(run, fetched, "https://ads.test/x.js")["verdict"] == "pass"


def test_explain_shows_what_does_not_count_for_a_group(run, fetched):
    with open(fetched) as config:  # noqa: PTH123 - as above
        text = config.read().replace("staff: {age: 18,", "staff: {age: 18, lists: [names],")
    with open(fetched, "w") as out:  # noqa: PTH123 - as above
        out.write(text)
    asked = ("--request-type", "script", "--source", "https://page.test/")
    walk = explained(run, fetched, "https://ads.test/x.js", *asked, group="staff")
    assert walk["verdict"] == "pass"
    (rule,) = [r for step in walk["steps"] for r in step["rules"]]
    assert (rule["applies"], rule["why"]) == (False, "list-not-used")
    walk = explained(run, fetched, "https://ordered.test/x.js", *asked, group="staff")
    assert (walk["verdict"], walk["step"]) == ("block", 2)


def test_names_and_pages_are_explained_as_before(run, fetched):
    assert explained(run, fetched, "ads.test")["verdict"] == "pass"
    assert explained(run, fetched, "named.test")["verdict"] == "block"
    assert explained(run, fetched, "https://named.test/x")["step"] == 7


def test_decide_by_a_configuration_asks_them(run, fetched, tmp_path):
    question = {"url": "https://ads.test/x.js", "request_type": "script", "group": "pupils"}
    lines = tmp_path / "questions"
    pair = [question | {"source_url": "https://page.test/"}, question | {"request_type": "image"}]
    lines.write_text("".join(f"{json.dumps(each)}\n" for each in pair))
    code, out, _ = run("decide", "-c", fetched, str(lines))
    first, second = map(json.loads, out.splitlines())
    assert code == 0
    assert (first["verdict"], first["list"], first["line"]) == ("block", "rules", 2)
    assert second["verdict"] == "pass"


def test_a_damaged_file_is_said_with_what_to_do(run, fetched, tmp_path):
    (file,) = (tmp_path / "state/rules").glob("abp-*.rules")
    file.write_bytes(file.read_bytes()[:-1])
    code, _, err = run("explain", "https://ads.test/x.js", "-c", fetched)
    assert code != 0
    assert "lists update" in err
    assert run("lists", "update", "-c", fetched)[0] == 0
    assert run("explain", "https://ads.test/x.js", "-c", fetched)[0] == 0
