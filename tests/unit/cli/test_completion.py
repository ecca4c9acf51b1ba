"""The completion scripts, each run by its real shell."""

import subprocess

import pytest

from tests.support.needs import program


@pytest.fixture
def complete(run):
    _, script, _ = run("completion")

    def go(*words):
        line = " ".join(f"'{word}'" for word in ("filterd", *words))
        program = (
            f"{script}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words)}\n_filterd\n"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", program], capture_output=True, text=True, timeout=20, check=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    return go


def test_commands(complete):
    assert {"serve", "check", "explain", "decide", "lists"} <= set(complete(""))
    assert complete("exp") == ["explain"]


def test_subcommands_and_options(complete):
    assert set(complete("lists", "")) >= {"status", "update", "check", "convert", "rollback"}
    assert complete("lists", "up") == ["update"]
    assert "--force" in complete("lists", "update", "--")
    assert "--group" in complete("explain", "example.com", "--g")


def test_files(complete):
    assert complete("check", "-c", "pyproject.to") == ["pyproject.toml"]


@pytest.fixture
def in_fish(run, tmp_path):
    """What fish itself completes a line to."""
    _, script, _ = run("completion", "fish")
    (tmp_path / "filterd.fish").write_text(script)

    def go(line):
        words = f"source {tmp_path}/filterd.fish; complete -C '{line}'"
        done = subprocess.run(
            [program("fish", "fish"), "--no-config", "-c", words], capture_output=True, text=True,
            timeout=60, check=True, cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        assert done.stderr == ""
        return dict(found.partition("\t")[::2] for found in done.stdout.splitlines())

    return go


def test_fish(in_fish):
    assert in_fish("filterd exp")["explain"] == "why a name or URL is blocked or not"
    assert {"status", "update", "check", "convert", "rollback"} <= set(in_fish("filterd lists "))
    assert "serve" not in in_fish("filterd lists ")
    assert set(in_fish("filterd lists update --for")) == {"--force"}
    assert "filterd.fish" in in_fish("filterd check f")


@pytest.fixture
def in_zsh(run, tmp_path):
    """What the function hands to zsh's completion, for which three functions stand."""
    _, script, _ = run("completion", "zsh")
    (tmp_path / "_filterd").write_text(script)
    ends = """
        _describe() { print -l -- ${(P)2} }
        compadd() { print -l -- ${(P)2} }
        _files() { print files }
    """

    def go(*words):
        quoted = " ".join(f"'{word}'" for word in ("filterd", *words))
        line = f"{ends}\nwords=({quoted}); CURRENT={len(words) + 1}\nsource {tmp_path}/_filterd"
        done = subprocess.run(
            [program("zsh", "zsh"), "-fc", line], capture_output=True, text=True, timeout=60, check=True
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout.splitlines()

    return go


def test_zsh(in_zsh):
    assert "explain:why a name or URL is blocked or not" in in_zsh("")
    assert "update" in [each.partition(":")[0] for each in in_zsh("lists", "")]
    assert "--force" in in_zsh("lists", "update", "--")
    assert in_zsh("explain", "") == ["files"]


def test_zsh_knows_whose_it_is(run):
    assert run("completion", "zsh")[1].startswith("#compdef filterd\n")
