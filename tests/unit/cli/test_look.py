"""check, explain, log, lists and override, without a daemon."""

import json
from pathlib import Path


def test_check(run, config):
    code, out, _ = run("check", "-c", config)
    assert code == 0
    assert "good" in out
    assert "group pupils" in out
    facts = run.json("check", "-c", config, "--json")
    assert facts["ok"] is True
    assert facts["groups"] == ["pupils", "staff"]


def test_check_of_a_bad_one_as_json(run, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("default_group: nobody\n")
    code, out, _ = run("check", "-c", str(path), "--json")
    facts = json.loads(out)
    assert (code, facts["ok"]) == (2, False)
    assert any("nobody" in problem for problem in facts["problems"])


def test_records_that_cannot_be_served_are_found_by_check(run, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        'upstream: {servers: ["127.0.0.1:1"]}\nrecords:\n  - a.example CAA nonsense\n'
        "  - b.example A 192.0.2.1\n"
    )
    code, _, err = run("check", "-c", str(path))
    assert code == 2
    assert "records" in err


def test_explain(run, config):
    code, out, _ = run("explain", "bad.example.com", "--group", "pupils", "-c", config)
    assert code == 0
    first, *rest = out.splitlines()
    assert "bad.example.com" in first
    steps = [line for line in rest if line[2:3].isdigit()]
    assert [line[2] for line in steps] == list("123456789")
    assert [line[2] for line in steps if line.startswith(">")] == ["6"]


def test_explain_by_client_as_json(run, config):
    walk = run.json("explain", "good.example.com", "--client", "127.0.0.18", "--json", "-c", config)
    assert (walk["group"], walk["verdict"], walk["step"]) == ("staff", "allow", 5)
    deciding = [r for step in walk["steps"] for r in step["rules"] if r["decides"]]
    assert [r["pattern"] for r in deciding] == ["good.example.com"]


def test_explain_a_url(run, config):
    words = ("https://u@Bad.example.com:8443/a/../b?c#d", "--group", "pupils", "-c", config)
    code, out, _ = run("explain", *words)
    assert code == 0
    assert out.startswith("bad.example.com/b?c for group pupils")
    assert "block bad.example.com [" in out
    walk = run.json("explain", *words, "--json")
    assert (walk["name"], walk["type"], walk["verdict"]) == ("bad.example.com/b?c", "URL", "block")


def test_explain_in_vietnamese(run, config):
    english = run("explain", "bad.example.com", "-c", config, "--group", "staff")[1]
    vietnamese = run(
        "explain", "bad.example.com", "-c", config, "--group", "staff", "--language", "vi"
    )[1]
    assert english != vietnamese
    assert len(english.splitlines()) == len(vietnamese.splitlines())


def test_explain_what_cannot_be_explained(run, config):
    for words, why in (
        (("example.com", "--group", "nobody"), "pupils"),
        (("example.com", "--client", "nowhere"), "nowhere"),
        (("example.com", "--at", "someday"), "2026"),
        (("example.com", "--type", "NONSENSE"), "record type"),
        (("exa mple",), "name"),
        (("https:///x",), "not a URL"),
        (("https://exa mple/",), "not a URL"),
    ):
        code, _, err = run("explain", *words, "-c", config)
        assert code == 2, words
        assert why in err
        assert "Traceback" not in err


def test_log_of_a_node_that_never_ran(run, config):
    code, _, err = run("log", "-c", config)
    assert code in {0, 2}
    assert "Traceback" not in err


def test_lists_status_without_lists(run, config):
    code, out, _ = run("lists", "status", "-c", config)
    assert (code, "no list is configured" in out) == (0, True)


def test_lists_update_of_an_unknown_list(run, config):
    code, _, err = run("lists", "update", "nothing", "-c", config)
    assert code == 2
    assert "nothing" in err


def test_lists_check(run, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("! title\n||ads.example.com^\n||x.example.com^$third-party\nexa mple\n")
    code, out, _ = run("lists", "check", f"adblock={path}", "--json")
    found = json.loads(out)
    assert code == 1
    assert (found["accepted"], found["comments"]) == (1, 1)
    assert [(r["line"], bool(r["text"]), bool(r["reason"])) for r in found["refused"]] == [
        (3, True, True),
        (4, True, True),
    ]
    path.write_text("||ads.example.com^\n")
    assert run("lists", "check", f"auto={path}")[0] == 0


def test_lists_check_of_what_is_not_there(run, tmp_path):
    (tmp_path / "some").write_text("x")
    for argument, why in (
        (f"adblock={tmp_path / 'none'}", "none"),
        (f"klingon={tmp_path / 'some'}", "klingon"),
        ("adblock", "FORMAT=PATH"),
    ):
        code, _, err = run("lists", "check", argument)
        assert code == 2, argument
        assert why in err


def test_lists_convert(run, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("||ads.example.com^\n||track.example.com^\n")
    code, out, err = run("lists", "convert", f"adblock={path}", "--to", "wildcard")
    assert code == 0, err
    assert "ads.example.com" in out
    code, _, err = run("lists", "convert", f"adblock={path}", "--to", "klingon")
    assert (code, "klingon" in err) == (2, True)


def test_overrides_from_beginning_to_end(run, config):
    add = ("override", "add", "bad.example.com", "--for", "1h", "--reason", "lesson", "-c", config)
    assert run(*add, "--by", "teacher", "--group", "pupils")[0] == 0
    (row,) = [
        json.loads(r) for r in run("override", "list", "--json", "-c", config)[1].splitlines()
    ]
    assert (row["name"], row["group"], row["by"]) == ("bad.example.com", "pupils", "teacher")
    walk = run.json("explain", "bad.example.com", "--group", "pupils", "--json", "-c", config)
    assert (walk["verdict"], walk["step"]) == ("allow", 3)
    assert run("override", "remove", "bad.example.com", "-c", config)[0] == 0
    assert run("override", "list", "-c", config)[1] == ""


def test_overrides_that_are_refused(run, config):
    add = ("override", "add", "bad.example.com", "--reason", "x", "-c", config)
    for words, why in (
        (("--for", "8d"), "7d"),
        (("--for", "soon"), "45m"),
        (("--for", "1h", "--group", "nobody"), "pupils"),
    ):
        code, _, err = run(*add, *words)
        assert (code, why in err) == (2, True), err
    assert run("override", "remove", "bad.example.com", "-c", config)[0] == 2


def test_an_override_without_words_is_refused_before_it_spoils_the_file(run, config):
    code, _, err = run(
        "override", "add", "a.example.com", "--for", "1h", "--reason", " ", "-c", config
    )
    assert (code, "reason" in err) == (2, True)
    assert run("override", "list", "-c", config) == (0, "", "")


def test_check_names_a_list_that_is_not_there(run, config, tmp_path):
    (tmp_path / "here.txt").write_text("a.example\n")
    lists = (("here", "here.txt"), ("gone", "gone.txt"), ("folder", "."))
    with Path(config).open("a", encoding="utf-8") as file:
        file.write("lists:\n")
        file.writelines(f"  {name}: {{format: domains, path: {path}}}\n" for name, path in lists)
    code, out, _ = run("check", "-c", config)
    assert (code, out.count("cannot be read")) == (1, 2)
    assert set(run.json("check", "-c", config, "--json")["missing"]) == {"gone", "folder"}


def test_log_rows_are_a_number_of_rows(run, config):
    for rows in ("0", "-3", "x", "9999999999"):
        assert run("log", f"--limit={rows}", "-c", config)[0] == 2


def test_query_says_what_is_wrong_with_an_address(run, config):
    for server in ("localhost", "127.0.0.1:0", "127.0.0.1:99999", ":53"):
        code, _, err = run("query", "a.example", f"--server={server}", "-c", config)
        assert (code, "ADDRESS:PORT" in err) == (2, True), err
    code, _, err = run(
        "query", "a.example", "--server", "127.0.0.1:9", "--from", "192.0.2.1", "-c", config
    )
    assert (code, "--from" in err) == (2, True), err


def test_a_web_address_in_place_of_a_name(run, config):
    words = ("--server", "127.0.0.1:9", "-c", config)
    code, _, err = run("query", "https://a.example/x", *words)
    assert (code, "the name alone" in err) == (2, True)


def test_check_names_a_schedule_that_no_group_uses(run, config):
    assert "schedule night: no group uses it" in run("check", "-c", config)[1]
    path = Path(config)
    used = path.read_text().replace(
        "grade: 3,", "grade: 3, schedules: [{during: night, block: all}],"
    )
    path.write_text(used)
    code, out, _ = run("check", "-c", config)
    assert (code, "no group uses it" in out) == (0, False)
