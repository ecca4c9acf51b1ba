"""Whoever asks a subcommand of the ministry's for help sees it done."""

import pytest

from filterd.cli.main import main

SUBCOMMANDS = [
    ("authority", ("key", "public", "describe", "officers", "root", "init", "put", "renew", "manifest", "sign", "show", "finish")),
    ("order", ("new", "import", "sign", "show", "verify", "publish", "revoke", "adopt")),
    ("feed", ("status", "export", "import", "audit", "witness", "cosign", "enrol")),
]  # fmt: skip


@pytest.mark.parametrize(("command", "sub"), [(c, s) for c, subs in SUBCOMMANDS for s in subs])
def test_help_shows_an_example(command, sub, capsys):
    with pytest.raises(SystemExit):
        main([command, sub, "--help"])
    told = capsys.readouterr().out
    assert "examples:" in told
    assert f"  filterd {command} {sub}" in told.partition("examples:")[2]
