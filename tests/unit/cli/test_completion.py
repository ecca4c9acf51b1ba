"""The completion script, run by a real bash."""

import subprocess

import pytest


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
