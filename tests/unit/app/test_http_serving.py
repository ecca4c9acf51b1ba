"""What a worker is told, and how its supervisor keeps a place full."""

import asyncio
import datetime as dt
import json
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509

from filterd.app.http_authority import CA_FILE, fingerprint, make_authority
from filterd.app.http_serving import Supervisor, interpreter, settings_of
from filterd.app.paths import Paths
from filterd.config.load import loads
from filterd.model.errors import ConfigError, RulesError
from tests.support.handed import BOOK
from tests.support.node import eventually

HTTP = {"listen": {"explicit": ["127.0.0.1:3128"]}}
READY = "print('ready', flush=True)"
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def config(state, **http):
    return loads(json.dumps({"state_dir": str(state), "http": HTTP | http}))


def settings(made):
    return settings_of(made, BOOK, Paths.of(made, {}))


def test_a_filter_that_listens_nowhere_is_off(tmp_path):
    with pytest.raises(ConfigError, match="listens nowhere"):
        settings(config(tmp_path, listen={}))


def test_without_an_authority_nothing_is_decrypted_and_who_wants_it_is_told(tmp_path):
    told = settings(config(tmp_path))
    assert told["inspecting"] is False
    assert "unused" in told["confdir"]
    made = config(tmp_path, inspect={"groups": ["primary"]})
    with pytest.raises(ConfigError, match="filterd http ca new"):
        settings(made)
    make_authority(tmp_path / "http/ca", "A school", NOW)
    assert settings(made)["inspecting"] is True


def test_the_schools_own_words_are_tried_first_and_reach_the_workers(tmp_path):
    assert settings(config(tmp_path))["page_words"] is None
    words = tmp_path / "block-page"
    made = config(tmp_path, page={"words": str(words)})
    with pytest.raises(ConfigError, match=r"http\.page\.words: no folder"):
        settings(made)
    words.mkdir()
    (words / "vi.toml").write_text('[age.primry]\ntitle = "x"\n')
    with pytest.raises(ConfigError, match=r"http\.page\.words: vi\.toml: age: primry: no such"):
        settings(made)
    (words / "vi.toml").write_text('[age.primary]\ntitle = "x"\n')
    assert json.loads(json.dumps(settings(made)))["page_words"] == str(words)


def test_the_authority_is_for_its_owner_alone_and_made_once(tmp_path):
    public = make_authority(tmp_path / "ca", "A school", NOW)
    secret = tmp_path / "ca" / CA_FILE
    assert oct(secret.stat().st_mode & 0o777) == "0o600"
    assert oct(secret.parent.stat().st_mode & 0o777) == "0o700"
    certificate = x509.load_pem_x509_certificate(public.read_bytes())
    assert certificate.not_valid_after_utc == NOW + dt.timedelta(days=730)
    assert (
        certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    )
    assert b"PRIVATE" not in public.read_bytes()
    assert len(fingerprint(public)) == 95
    before = secret.read_bytes()
    with pytest.raises(RulesError, match="there already"):
        make_authority(tmp_path / "ca", "Another", NOW)
    assert secret.read_bytes() == before


def test_an_interpreter_that_is_not_there_is_told_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="make http"):
        interpreter(config(tmp_path), tmp_path / ".venv")
    found = interpreter(config(tmp_path, python=sys.executable), tmp_path)
    assert found == Path(sys.executable)


def supervisor(tmp_path, script, **http):
    return Supervisor(config(tmp_path, **http), [sys.executable, "-c", script])


def test_a_worker_that_does_not_start_is_told_and_nothing_is_left(tmp_path):
    made = supervisor(tmp_path, "import sys; sys.exit(3)")
    with pytest.raises(ConfigError, match="does not start"):
        asyncio.run(made.begin())


def test_a_worker_that_dies_is_started_again_later_each_time(tmp_path):
    starts = tmp_path / "starts"
    script = f"with open({str(starts)!r}, 'a') as f: f.write('x')\n{READY}"

    async def run():
        made = supervisor(tmp_path, script)
        await made.begin()
        watching = asyncio.create_task(made.watch())
        await asyncio.to_thread(eventually, lambda: len(starts.read_text()) >= 3)
        assert made._places[0].pause > 1.0
        watching.cancel()
        await made.end()

    asyncio.run(run())


def test_a_worker_that_has_grown_is_replaced_and_the_new_one_is_ready_first(tmp_path):
    script = f"import sys, time\n{READY}\nsys.stdin.read()"

    async def run():
        made = supervisor(tmp_path, script, memory="1MiB")
        await made.begin()
        first = made._places[0].worker
        assert first.memory() > 2**20
        await made._look(made._places[0], renewing=False)
        second = made._places[0].worker
        assert second is not first
        assert second.alive
        await made.end()
        assert not first.alive
        assert not second.alive

    asyncio.run(run())


def test_a_worker_that_is_young_and_small_stays(tmp_path):
    script = f"import sys\n{READY}\nsys.stdin.read()"

    async def run():
        made = supervisor(tmp_path, script)
        await made.begin()
        first = made._places[0].worker
        await made._look(made._places[0], renewing=False)
        assert made._places[0].worker is first
        made._places[0].worker.started = time.monotonic() - 90_000
        await made._look(made._places[0], renewing=False)
        assert made._places[0].worker is not first
        await made.end()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("http", "said"),
    [
        ({"upstream_ca": "/nonexistent.pem"}, "no file /nonexistent.pem"),
        ({"media": {"on": True, "sets": "/nonexistent"}}, "no folder /nonexistent"),
        (
            {"listen": {each: ["127.0.0.1:8080"] for each in ("explicit", "transparent")}},
            "two ports",
        ),
        ({"memory": "1MiB"}, "128MiB"),
        ({"max_age": 0}, "1m is the least"),
    ],
)
def test_what_cannot_work_is_told_before_anything_starts(tmp_path, http, said):
    with pytest.raises(ConfigError, match=said):
        settings(config(tmp_path, **http))


def test_a_folder_is_no_interpreter(tmp_path):
    with pytest.raises(ConfigError, match="make http"):
        interpreter(config(tmp_path, python=str(tmp_path)), tmp_path / "x")
