"""`filterd lists hash`: URLs in, a list of hashes out, which `filterd decide` obeys."""

import io
import json
from types import SimpleNamespace

import pytest

from filterd.formats.hashed_urls import read_hashed

URLS = """\
# what is listed
https://Bad.test/games/
http://other.test/page?id=1

http://other.test:80/./page?id=1
"""
SALT = "00112233445566778899aabbccddeeff"


@pytest.fixture
def urls(tmp_path):
    path = tmp_path / "urls.txt"
    path.write_text(URLS)
    return path


@pytest.fixture
def decide(run, tmp_path):
    """`decide(url, *lists)` -> the answer."""

    def go(url, *lists):
        lines = tmp_path / "questions"
        lines.write_text(json.dumps({"url": url}))
        code, out, err = run("decide", *lists, str(lines))
        assert (code, err) == (0, "")
        return json.loads(out)

    return go


def test_what_is_hashed_is_decided(run, urls, tmp_path, decide):
    made = tmp_path / "hidden.list"
    code, out, _ = run("lists", "hash", str(urls), "-o", str(made), "--new-salt", "--epoch", "7")
    assert code == 0
    assert out == f"{made}: 2 entries of 12 bytes, epoch 7 (1 lines said what another did)\n"
    text = made.read_text()
    assert not {"bad", "games", "other", "page"} & set(text.replace("\n", " ").split())
    assert not any(word in text for word in ("bad.", "games", "other", "page"))
    entries = {line for line in text.splitlines() if not line.startswith("#")}
    hidden = ("--list", f"hashed-urls,name=hidden={made}")
    found = decide("http://www.bad.test:8080/games/1?x#y", *hidden)
    assert found.pop("rule") in entries
    assert found == {
        "verdict": "block",
        "step": 7,
        "list": "hidden",
        "line": None,
        "category": None,
        "min_age": None,
    }
    for url in ("http://bad.test/games", "http://bad.test/", "http://other.test/page?id=2"):
        assert decide(url, *hidden)["verdict"] == "pass"
    assert decide("http://other.test/page?id=1", *hidden)["verdict"] == "block"


def test_a_mandatory_list_beats_an_allow_and_an_allow_beats_another(run, urls, tmp_path, decide):
    made, names = tmp_path / "hidden.list", tmp_path / "names"
    names.write_text("bad.test\n")
    run("lists", "hash", str(urls), "-o", str(made), "--new-salt", "--epoch", "1")
    allow = ("--allow", f"domains={names}")
    url = "http://bad.test/games/"
    found = decide(url, "--list", f"hashed-urls,mandatory={made}", *allow)
    assert (found["verdict"], found["step"]) == ("block", 2)
    found = decide(url, "--list", f"hashed-urls={made}", *allow)
    assert (found["verdict"], found["list"]) == ("allow", str(names))
    block = ("--list", f"domains,subdomains={names}")
    found = decide(url, *block, "--allow", f"hashed-urls,name=good={made}")
    assert (found["verdict"], found["list"]) == ("allow", "good")
    found = decide(url, "--list", f"hashed-urls={made}", "--list", f"abp-url={names}", *block)
    assert found["verdict"] == "block"


def test_a_salt_of_ones_own_and_standard_input(run, tmp_path, monkeypatch):
    salt, made = tmp_path / "salt", tmp_path / "list"
    salt.write_text(f"{SALT}\n")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a.test/\nb.test/c\n")))
    words = ("lists", "hash", "-", "-o", str(made), "--epoch", "2")
    code, out, err = run(*words, "--salt-file", str(salt), "--prefix-bytes", "20")
    assert (code, err) == (0, "")
    assert SALT not in out
    read = read_hashed(made.read_bytes())
    assert (read.salt.hex(), read.width, read.epoch, len(read)) == (SALT, 20, 2, 2)


def test_two_new_salts_have_nothing_in_common(run, urls, tmp_path):
    lists = []
    for name in ("one", "two"):
        path = tmp_path / name
        run("lists", "hash", str(urls), "-o", str(path), "--new-salt", "--epoch", "1")
        lists.append({line for line in path.read_text().splitlines() if line[:1] != "#"})
    assert not lists[0] & lists[1]


def test_lines_that_name_no_page_are_told_and_nothing_is_written(run, tmp_path):
    urls, made = tmp_path / "urls", tmp_path / "list"
    urls.write_bytes(b"a.test/\nhttp:\nbad\ncom.vn/\n\xff.test/\n")
    code, out, err = run("lists", "hash", str(urls), "-o", str(made), "--new-salt", "--epoch", "1")
    assert (code, out, made.exists()) == (2, "", False)
    for words in (
        "line 2: not a URL with a host: 'http:'",
        "line 3: a host alone; give it a /",
        "line 4: 'com.vn' is a public suffix",
        "line 5: not UTF-8",
        "4 lines name no page",
    ):
        assert words in err
    assert "line 1" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--new-salt", "--epoch", "1", "--prefix-bytes", "7"), "entries of 7 bytes"),
        (("--new-salt", "--epoch", "-1"), "--epoch is a whole number"),
        (("--new-salt",), "--epoch"),
        (("--epoch", "1"), "--new-salt"),
        (("--new-salt", "--salt-file", "x", "--epoch", "1"), "not allowed with"),
        (("--salt-file", "URLS", "--epoch", "1"), "not hexadecimal digits alone"),
        (("--salt-file", "/dev/null", "--epoch", "1"), "a salt has 16 to 64 bytes, not 0"),
        (("--salt-file", "/nowhere", "--epoch", "1"), "/nowhere"),
    ],
)
def test_what_cannot_be_used_is_said(run, urls, tmp_path, words, said):
    made = tmp_path / "list"
    given = [str(urls) if word == "URLS" else word for word in words]
    code, _, err = run("lists", "hash", str(urls), "-o", str(made), *given)
    assert (code, made.exists()) == (2, False)
    assert said in err


def test_a_look_at_a_list(run, urls, tmp_path):
    made = tmp_path / "list"
    run("lists", "hash", str(urls), "-o", str(made), "--new-salt", "--epoch", "5")
    code, out, _ = run("lists", "check", f"hashed-urls={made}")
    assert (code, out) == (0, "format hashed-urls: 2 entries of 12 bytes, epoch 5\n")
    code, out, _ = run("lists", "check", "--json", f"hashed-urls={made}")
    wanted = {"format": "hashed-urls", "accepted": 2, "bytes": 12, "epoch": 5}
    assert (code, json.loads(out)) == (0, wanted)
    code, _, err = run("lists", "check", f"hashed-urls={urls}")
    assert code == 2
    assert "line 1: not '# filterd hashed-urls 1'" in err


def test_a_list_that_was_cut_is_refused(run, urls, tmp_path):
    made = tmp_path / "list"
    run("lists", "hash", str(urls), "-o", str(made), "--new-salt", "--epoch", "1")
    lines = made.read_text().splitlines(keepends=True)
    made.write_text("".join(lines[:-1]))
    code, _, err = run("decide", "--list", f"hashed-urls={made}", str(urls))
    assert code == 2
    assert "1 entries where the head says 2" in err
