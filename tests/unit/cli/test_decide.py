"""filterd decide: one line in, one line out, whatever stands in it."""

import json

import pytest


@pytest.fixture
def decide(run, tmp_path):
    """Decide lines; give (exit code, answers)."""

    def go(lines, *words):
        path = tmp_path / "questions"
        text = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
        path.write_text(text + "\n")
        code, out, err = run("decide", *words, str(path))
        assert "Traceback" not in err
        return code, [json.loads(line) for line in out.splitlines()]

    return go


@pytest.fixture
def lists(tmp_path):
    (tmp_path / "ads").write_text(
        "! title\n||ads.example.com^\n||rw.example.com^$dnsrewrite=192.0.2.7\n"
    )
    (tmp_path / "games").write_text("games.example.com\n")
    (tmp_path / "good").write_text("ok.ads.example.com\n")
    return [
        "--list",
        f"adblock={tmp_path / 'ads'}",
        "--list",
        f"domains,category=games,name=games={tmp_path / 'games'}",
        "--allow",
        f"domains={tmp_path / 'good'}",
    ]


def test_verdicts_in_order(decide, lists):
    names = ["ads.example.com", "www.example.com", "ok.ads.example.com", "a.ads.example.com"]
    code, answers = decide([{"name": n} for n in names], *lists)
    assert code == 0
    assert [a["verdict"] for a in answers] == ["block", "pass", "allow", "block"]
    assert (answers[0]["rule"], answers[0]["line"], answers[0]["step"]) == (
        "||ads.example.com^",
        2,
        7,
    )
    assert answers[1] == {
        "verdict": "pass",
        "step": 9,
        "rule": None,
        "list": None,
        "line": None,
        "category": None,
        "min_age": None,
    }


def test_age(decide, lists):
    game = [{"name": "games.example.com"}]
    _, (young,) = decide(game, *lists, "--age", "6")
    _, (old,) = decide(game, *lists, "--age", "18")
    assert (young["verdict"], young["step"], young["category"]) == ("block", 8, "games")
    assert young["list"] == "games"
    assert isinstance(young["min_age"], int)
    assert old["verdict"] == "pass"


def test_a_rewrite_says_to_what(decide, lists):
    _, (answer,) = decide([{"name": "rw.example.com", "type": "A"}], *lists)
    assert answer["verdict"] == "rewrite"
    assert answer["rewrite"] == {"rcode": "NOERROR", "answers": ["192.0.2.7"]}


BAD = [
    "not json",
    "[]",
    "null",
    "7",
    '{"name": 7}',
    '{"name": ""}',
    "{}",
    '{"name": "exa mple"}',
    '{"name": "a..b"}',
    '{"name": "example.com", "type": "NONSENSE"}',
    '{"name": "example.com", "type": 70000}',
    '{"name": "example.com", "type": true}',
    '{"name": "example.com", "client": "nowhere"}',
    '{"name": "example.com", "client": 7}',
    '{"name": "example.com", "at": "someday"}',
    '{"name": "example.com", "at": "nan"}',
    '{"name": "example.com", "at": 1e400}',
    '{"name": "example.com", "at": "-99999999999999"}',
    '{"name": "example.com", "client_tags": "tv"}',
    '{"name": "example.com", "client_tags": [7]}',
    '{"name": "example.com", "group": "nobody"}',
    '{"name": "example.com", "nam": "x"}',
    "[" * 100_000,
    '{"name": "' + "a" * 300 + '.com"}',
    '{"name": "\\ud800.com"}',
    '{"name": "example.com", "url": "https://example.com/"}',
    '{"url": "https://example.com/", "type": "A"}',
    '{"url": ""}',
    '{"url": 7}',
    '{"url": "https:///path"}',
    '{"url": "https://exa mple.com/"}',
    '{"url": "https://example.com\\\\@example.net/"}',
    '{"url": "https://1.2.3.4.5/"}',
    '{"url": "https://\\ud800.com/"}',
    '{"url": "https://example.com/\\ud800"}',
    '{"url": "https://example.com/' + "a" * 70_000 + '"}',
    '{"url": "https://example.com/", "source_url": "nothing here"}',
    '{"url": "https://example.com/", "request_type": "spoon"}',
    '{"url": "https://example.com/", "method": "GE T"}',
    '{"source_url": "https://example.com/"}',
]


@pytest.mark.parametrize("line", BAD, ids=lambda line: line[:40])
def test_a_bad_line_answers_an_error_and_the_rest_go_on(decide, lists, line):
    code, answers = decide([line, {"name": "ads.example.com"}], *lists)
    assert code == 1
    assert list(answers[0]) == ["error"]
    assert answers[0]["error"].startswith("line 1: ")
    assert answers[1]["verdict"] == "block"


def test_octets_that_are_no_text(run, tmp_path, lists):
    path = tmp_path / "questions"
    path.write_bytes(b'{"name": "\xff\xfe.com"}\n\x00\n{"name": "ads.example.com"}\n')
    code, out, _ = run("decide", *lists, str(path))
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert ["error" in a for a in answers] == [True, True, False]


def test_a_url_is_decided_by_its_host(decide, lists):
    urls = [
        "https://ads.example.com/a",
        "HTTP://user@WWW.Ads.example.com.:8080/a#b",
        "ok.ads.example.com/x?y",
        "https://www.example.com/",
        "https://b\u00fccher.example/",
    ]
    code, answers = decide([{"url": url} for url in urls], *lists)
    assert code == 0
    assert [a["verdict"] for a in answers] == ["block", "block", "allow", "pass", "pass"]
    assert (answers[0]["rule"], answers[0]["line"]) == ("||ads.example.com^", 2)
    _, (name,) = decide([{"name": "www.example.com"}], *lists)
    assert answers[3].keys() == name.keys()


def test_a_list_of_urls(decide, tmp_path):
    (tmp_path / "urls").write_text(
        "# feed\nhttps://forum.example/thread/7\nhttps://forum.example/q?id=1\n"
    )
    words = ["--list", f"urls,category=scam={tmp_path / 'urls'}", "--age", "6"]
    code, answers = decide(
        [
            {"url": "http://forum.example:81/thread/%37/reply?x"},
            {"url": "https://forum.example/q?id=1"},
            {"url": "https://forum.example/thread/8"},
            {"url": "https://www.forum.example/thread/7"},
            {"name": "forum.example"},
        ],
        *words,
    )
    assert code == 0
    assert [a["verdict"] for a in answers] == ["block", "block", "pass", "pass", "pass"]
    assert [a["line"] for a in answers[:2]] == [2, 3]
    assert answers[0]["rule"] == "https://forum.example/thread/7"


def test_what_else_is_said_of_a_url_changes_no_rule_for_names(decide, lists):
    line = {
        "url": "https://ads.example.com/a.js",
        "source_url": "https://www.example.com/page",
        "request_type": "script",
        "method": "POST",
        "client": "192.0.2.1",
        "at": "2026-09-07T08:30",
    }
    code, (answer,) = decide([line], *lists)
    assert (code, answer["verdict"]) == (0, "block")


def test_optional_fields(decide, lists):
    line = {
        "name": "ADS.example.com.",
        "type": "aaaa",
        "client": "2001:db8::1",
        "client_name": "tablet",
        "client_tags": ["device_tv"],
        "at": "2026-09-07T08:30",
    }
    code, (answer,) = decide([line], *lists)
    assert (code, answer["verdict"]) == (0, "block")


def test_by_a_configuration(decide, config):
    lines = [
        {"name": "bad.example.com", "client": "127.0.0.3"},
        {"name": "good.example.com", "group": "staff"},
        {"name": "social.demo.test", "client": "127.0.0.3"},
        {"name": "social.demo.test", "client": "127.0.0.18"},
    ]
    code, answers = decide(lines, "-c", config)
    assert code == 0
    assert [(a["verdict"], a["step"]) for a in answers] == [
        ("block", 6),
        ("allow", 5),
        ("block", 8),
        ("pass", 9),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("--list", "klingon=x"),
        ("--list", "adblock"),
        ("--list", "adblock=none-there"),
        ("--list", "adblock,colour=red=x"),
        ("--list", "adblock,category=nothing=x"),
        ("--list", "adblock=x", "--age", "19"),
        ("--list", "adblock=x", "--config", "y"),
    ],
)
def test_arguments_that_cannot_be(run, words):
    code, out, err = run("decide", *words)
    assert (code, out) == (2, "")
    assert err.startswith("filterd:")


def test_an_empty_line_between_questions_is_answered_too(decide, lists):
    code, answers = decide(["", {"name": "a.example"}, " ", {"name": "b.example"}, "", ""], *lists)

    assert code == 1
    assert [min(answer) for answer in answers] == ["error", "category", "error", "category"]
    assert answers[2]["error"] == "line 3: it is empty"


def test_empty_lines_at_the_end_are_nothing(decide, lists):
    code, answers = decide([{"name": "a.example"}, "", ""], *lists)

    assert (code, len(answers)) == (0, 1)
