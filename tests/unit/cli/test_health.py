"""`filterd health` on the command line; real nodes are asked in tests/e2e/test_cluster.py."""

import json
from pathlib import Path

import pytest

from filterd.cli.main import main
from tests.support.servers import free_port


def test_nobody_answers(capsys):
    at = f"127.0.0.1:{free_port()}"
    assert main(["health", "--at", at, "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "well": False,
        "doors": {f"{at} (udp)": "no answer", f"{at} (tcp)": "no answer"},
    }


def test_the_doors_are_those_of_the_configuration(config, capsys):
    port = free_port()
    with Path(config).open("a") as file:
        file.write(f"listen: {{udp: ['127.0.0.1:{port}', '[::1]:{port}'], tcp: []}}\n")
    assert main(["health", "-c", config]) == 3
    assert (
        capsys.readouterr().out
        == f"127.0.0.1:{port} (udp): no answer\n[::1]:{port} (udp): no answer\n"
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--at", "somewhere"], "[2001:db8::53]:53 would do"),
        (["--announce", "192.0.2.53/24"], "no prefix"),
        (["--interval", "0"], "more than 0"),
        (["--rise", "0"], "1 to 1000"),
        (["--watch", "--announce", "192.0.2.53/32"], "not allowed with"),
    ],
)
def test_what_makes_no_sense_is_said(words, why, capsys):
    try:
        code = main(["health", *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert why in capsys.readouterr().err
