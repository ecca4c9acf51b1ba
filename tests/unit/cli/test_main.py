"""What holds for every command: help with examples, exit codes, errors in one clear line."""

import socket

import pytest

from filterd.cli.main import COMMANDS as NAMES
from filterd.cli.main import load

COMMANDS = [load(name) for name in NAMES]
PROMISED = {"serve", "check", "explain", "decide", "query", "lists", "log", "reload"}


def test_the_promised_commands_are_there():
    assert set(NAMES) >= PROMISED


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_help_has_examples_that_begin_with_the_command(run, command):
    code, out, _ = run(command.name, "--help")
    assert code == 0
    assert "examples:" in out
    examples = [line.strip() for line in command.examples.splitlines() if line.strip()]
    assert any(f"filterd {command.name}" in line for line in examples)


def test_the_help_tells_the_exit_codes(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(f"\n  {number}  " in out for number in range(4))
    assert all(name in out for name in NAMES)


def test_version(run):
    code, out, _ = run("--version")
    assert (code, out.split()[0]) == (0, "filterd")


@pytest.mark.parametrize("words", [(), ("nonsense",), ("explain",), ("lists", "nonsense")])
def test_a_command_line_that_means_nothing_is_2(run, words):
    code, _, err = run(*words)
    assert code == 2
    assert "usage:" in err


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("explain", "example.com"),
        ("decide", "-"),
        ("lists", "status"),
        ("log",),
        ("reload",),
        ("serve",),
        ("query", "example.com"),
    ],
)
def test_a_configuration_that_is_not_there_is_2(run, tmp_path, words):
    code, _, err = run(*words, "-c", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "none.yaml" in err
    assert "Traceback" not in err


def test_every_problem_at_once(run, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("languge: en\nblock: ['not a name']\ndefault_group: nobody\n")
    for words in (("check",), ("serve",), ("explain", "example.com")):
        code, _, err = run(*words, "-c", str(path))
        assert code == 2
        assert all(part in err for part in ("languge", "block", "default_group"))


@pytest.mark.parametrize("words", [("reload",), ("reload", "--status"), ("query", "example.com")])
def test_no_daemon_is_3(run, config, words):
    code, _, err = run(*words, "-c", config)
    assert code == 3
    assert err.startswith("filterd:")
    assert len(err.strip().splitlines()) == 1


def test_what_the_system_refuses_comes_with_advice(run, tmp_path):
    state = tmp_path / "state"
    state.write_text("a file where a directory should be")
    path = tmp_path / "filterd.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lines = (
            "upstream: {servers: ['127.0.0.1:1']}",
            "metrics: {listen: null}",
            f"listen: {{udp: [], tcp: ['127.0.0.1:{port}']}}",
        )
        path.write_text("\n".join((*lines, f"state_dir: {state}\n")))
        code, _, err = run("serve", "-c", str(path))
        assert (code, "state_dir" in err, "Errno" in err) == (2, True, False), err
        path.write_text("\n".join((*lines, f"state_dir: {tmp_path / 'other'}\n")))
        code, _, err = run("serve", "-c", str(path))
        assert (code, "ss -lnptu" in err, "Errno" in err) == (3, True, False), err
