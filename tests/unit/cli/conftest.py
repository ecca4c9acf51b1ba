"""Commands run in this process; what they do to it is undone."""

import json
import signal

import pytest

from filterd.cli.main import main

CONFIG = """\
language: en
upstream: {servers: ['127.0.0.1:1']}
metrics: {listen: null}
default_group: pupils
groups:
  pupils: {grade: 3, networks: [127.0.0.3/32], safe_search: false}
  staff: {age: 18, networks: [127.0.0.18/32], safe_search: false}
schedules: {night: {windows: [{from: '22:00', to: '06:00'}]}}
block: [bad.example.com]
allow: [good.example.com]
"""


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch, tmp_path):
    before = signal.getsignal(signal.SIGPIPE)
    monkeypatch.delenv("FILTERD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    yield
    signal.signal(signal.SIGPIPE, before)


@pytest.fixture
def config(tmp_path):
    """Give a configuration file whose state lies beside it."""
    path = tmp_path / "filterd.yaml"
    path.write_text(CONFIG + f"state_dir: {tmp_path / 'state'}\n")
    return str(path)


@pytest.fixture
def run(capsys):
    """Run a command; give (exit code, stdout, stderr)."""

    def go(*words):
        try:
            code = main(list(words))
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    go.json = lambda *words: json.loads(go(*words)[1])
    return go
