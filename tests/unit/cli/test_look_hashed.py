"""Lists of hashed URLs in a configuration: lists, explain and decide show them by their entries."""

import json

import pytest

from tests.support.requests import hidden


@pytest.fixture
def fetched(run, config, tmp_path):
    """The configuration with such a list and an order of that kind, compiled."""
    lists = {"secret": hidden("bad.test/games/"), "order": hidden("ordered.test/")}
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    with open(config, "a") as out:  # noqa: PTH123 - a path in text, as commands take it
        out.write(
            "lists:\n"
            f"  secret: {{format: hashed-urls, path: {tmp_path / 'secret'}}}\n"
            f"  order: {{format: hashed-urls, path: {tmp_path / 'order'}, mandatory: true}}\n"
        )
    assert run("lists", "update", "-c", config)[0] == 0
    return config


def explained(run, config, url, group="pupils"):
    return run.json("explain", url, "--group", group, "-c", config, "--json")


def test_status_says_how_many_there_are(run, fetched):
    rows = json.loads(run("lists", "status", "--json", "-c", fetched)[1])
    told = {row["name"]: (row["state"], row["format"], row["entries"]) for row in rows}
    assert told == {"secret": ("ok", "hashed-urls", 1), "order": ("ok", "hashed-urls", 1)}


def test_explain_shows_the_entry_that_decides(run, fetched, tmp_path):
    walk = explained(run, fetched, "https://www.bad.test/games/1")
    assert (walk["verdict"], walk["step"]) == ("block", 7)
    (rule,) = [rule for step in walk["steps"] for rule in step["rules"]]
    assert (rule["decides"], rule["list"], rule["line"]) == (True, "secret", None)
    assert rule["pattern"] == (tmp_path / "secret").read_text().split()[-1]
    assert explained(run, fetched, "https://bad.test/")["verdict"] == "pass"
    assert explained(run, fetched, "bad.test")["verdict"] == "pass"
    assert explained(run, fetched, "https://ordered.test/x", "staff")["step"] == 2


def test_decide_by_a_configuration_asks_them(run, fetched, tmp_path):
    lines = tmp_path / "questions"
    lines.write_text(json.dumps({"url": "https://bad.test/games/1", "group": "pupils"}))
    code, out, _ = run("decide", "-c", fetched, str(lines))
    found = json.loads(out)
    assert code == 0
    assert (found["verdict"], found["list"]) == ("block", "secret")


def test_they_cannot_be_converted(run, tmp_path):
    code, _, err = run("lists", "convert", f"hashed-urls={tmp_path / 'any'}", "--to", "rpz")
    assert code != 0
    assert "about requests" in err


def test_a_damaged_file_is_said_with_what_to_do(run, fetched, tmp_path):
    (file,) = (tmp_path / "state/rules").glob("hashed-*.rules")
    file.write_bytes(file.read_bytes()[:-1])
    code, _, err = run("explain", "https://bad.test/games/", "-c", fetched)
    assert code != 0
    assert "lists update" in err
    assert run("lists", "update", "-c", fetched)[0] == 0
    assert explained(run, fetched, "https://bad.test/games/")["verdict"] == "block"
