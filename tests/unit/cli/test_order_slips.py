"""Slips at the desk of an officer: each is told in a line, and costs nothing that was signed."""

import getpass

import pytest

from filterd.cli.base import Exit
from filterd.cli.main import main

PASSPHRASE = "long enough to be taken"
ORDER = (
    "--authority",
    "moet",
    "--reference",
    "17/QD",
    "--legal-basis",
    "decree-147",
    "--for",
    "30d",
)


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; return its exit code and all that it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILTERD_PASSPHRASE", PASSPHRASE)

    def run(*words):
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def new(told, *words, category="gambling", file="17.json"):
    return told("order", "new", "17", *ORDER, "--category", category, "-o", file, *words)


def test_where_nobody_can_be_asked_it_says_what_to_set(told, monkeypatch):
    told("authority", "key", "a.pem")
    monkeypatch.delenv("FILTERD_PASSPHRASE")

    def ask(prompt):
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", ask)
    new(told, "--subtree", "bet.example")
    code, said = told("order", "sign", "17.json", "--key", "a.pem")
    assert code == Exit.USAGE
    assert said.count("\n") == 1
    assert "set $FILTERD_PASSPHRASE or give --passphrase-file" in said


def test_a_new_passphrase_is_typed_twice(told, monkeypatch, tmp_path):
    monkeypatch.delenv("FILTERD_PASSPHRASE")
    typed = iter([PASSPHRASE, PASSPHRASE + "x", PASSPHRASE, PASSPHRASE])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(typed))
    code, said = told("authority", "key", "a.pem")
    assert (code, list(tmp_path.iterdir())) == (Exit.USAGE, [])
    assert "differ" in said
    assert told("authority", "key", "a.pem")[0] == Exit.OK


def test_what_was_signed_is_not_written_over(told, tmp_path):
    told("authority", "key", "a.pem")
    new(told, "--subtree", "bet.example")
    assert new(told, "--subtree", "win.example")[0] == Exit.OK  # nobody has signed it yet
    told("order", "sign", "17.json", "--key", "a.pem")
    before = (tmp_path / "17.json").read_bytes()
    code, said = new(told, "--subtree", "poker.example")
    assert code == Exit.USAGE
    assert "signed already" in said
    assert (tmp_path / "17.json").read_bytes() == before


def test_an_order_names_something(told, tmp_path):
    code, said = new(told)
    assert code == Exit.USAGE
    assert "names something" in said
    assert not (tmp_path / "17.json").exists()


def test_a_category_that_nobody_knows_is_told(told):
    code, said = new(told, "--subtree", "bet.example", category="gamblng")
    assert code == Exit.OK
    assert "did you mean 'gambling'?" in said
    assert "rule book" not in new(told, "--subtree", "bet.example")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("order", "verify", "17.json", "--feed", "nowhere"), "nowhere is no feed"),
        (("authority", "sign", "17.json", "--key", "a.pem"), "`filterd order sign`"),
        (("order", "sign", "17.json", "--key", "a.pem.pub"), "the public part signs nothing"),
        (("authority", "key", "a.pem"), "never written over another"),
        (("feed", "import", "17.json", "there"), "not what `filterd feed export` writes"),
    ],
)
def test_one_line_says_what_is_wrong(told, words, says):
    told("authority", "key", "a.pem")
    new(told, "--subtree", "bet.example")
    code, said = told(*words)
    assert code == Exit.USAGE
    assert says in said
    assert said.count("\n") == 1
