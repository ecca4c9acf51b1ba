"""`filterd case`: a teacher sees what is said to be blocked by mistake, and decides."""

import json
import time

import pytest

from filterd.http.page.cases import Box
from filterd.model.case import Case
from tests.support.command import command

CODE = "K7QD-3MXA"


@pytest.fixture
def box(tmp_path):
    folder = tmp_path / "state" / "http"
    folder.mkdir(parents=True)
    hour = int(time.time()) // 3600 * 3600
    Box(folder).put(
        Case(CODE, hour, "list", "lesson", host="shop.example", group="pupils", rule="||shop^")
    )


def test_without_the_http_filter_there_is_no_case(config):
    assert "no case waits" in command("case", "list", "-c", config).stdout
    closed = command("case", "close", CODE, "--kept", "-c", config)
    assert (closed.returncode, "has not run here" in closed.stderr) == (2, True)


@pytest.mark.usefixtures("box")
def test_a_teacher_lists_shows_and_closes(config):
    assert "shop.example" in command("case", "list", "-c", config).stdout
    said = command("case", "show", CODE.lower(), "-c", config).stdout
    assert "||shop^" in said
    assert "filterd override add shop.example" in said
    row = json.loads(command("case", "list", "--json", "-c", config).stdout)
    assert row["case"]["reference"] == CODE
    assert row["closed"] is None
    done = command("case", "close", CODE, "--opened", "--answer", "ok", "-c", config)
    assert (done.returncode, done.stdout) == (0, f"case {CODE} is closed: page opened\n")
    assert "no case waits" in command("case", "list", "-c", config).stdout
    assert CODE in command("case", "list", "--all", "-c", config).stdout
    again = command("case", "close", CODE, "--kept", "-c", config)
    assert again.returncode == 2
    assert "closed already" in again.stderr


@pytest.mark.usefixtures("box")
def test_a_code_that_is_none_is_said(config):
    said = command("case", "show", "\x1b[2J", "-c", config)
    assert said.returncode == 1
    assert "\x1b" not in said.stdout
    assert command("case", "show", CODE, "--json", "-c", config).returncode == 0
    assert command("case", "close", CODE, "-c", config).returncode == 2
