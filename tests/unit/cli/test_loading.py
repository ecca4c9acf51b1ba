"""What is not needed is not loaded: a start is waited for, on small boxes most of all."""

import subprocess
import sys

import pytest

COMMAND_LINE = "from filterd.cli.main import main; main()"


def loaded(code, *words):
    """The modules that `code`, with `words` as its arguments, has loaded at its end."""
    tell = f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {code}"
    done = subprocess.run(
        [sys.executable, "-c", tell, *words], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_and_version_load_no_command(word):
    modules = loaded(COMMAND_LINE, word)
    assert {each for each in modules if each.startswith("filterd.cli.")} == {
        "filterd.cli.main",
        "filterd.cli.base",
    }
    assert "pydantic" not in modules


def test_the_help_of_one_command_loads_that_one():
    modules = loaded(COMMAND_LINE, "check", "--help")
    assert "filterd.cli.check" in modules
    assert "filterd.cli.hub" not in modules


def test_who_has_no_ministry_does_not_load_what_verifies_its_feed():
    modules = loaded("import filterd.app.serve, filterd.app.attending")
    assert "filterd.app.life" in modules
    assert {"tuf", "securesystemslib", "filterd.app.ministry"} & modules == set()


def test_who_has_one_does():
    assert {"tuf", "securesystemslib"} <= loaded("import filterd.app.ministry")
