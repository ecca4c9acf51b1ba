"""Our worker, with the daemon that hands it rules; and mitmproxy without us beside it.

The daemon runs on the core of the load and has nothing to do meanwhile.
"""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.http.places import HTTP_PYTHON, NEVER_ASKED, READ
from bench.http.world import PATIENCE, Place, Proxy, connects, started
from bench.places import LOAD_CORE, LOOPBACK, ROOT
from bench.process import descendants, free_port


@contextlib.contextmanager
def ours(place: Place) -> Iterator[Proxy]:
    """Run the daemon and one worker. RuntimeError if the rules do not come into force."""
    where, proxy, dns = place.folder / "ours", free_port(), free_port()
    where.mkdir()
    config = where / "config.yaml"
    config.write_text(json.dumps(_config(place, where, proxy, dns)), encoding="utf-8")

    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "filterd", *words, "-c", str(config)]

    update = command("lists", "update", "--force")
    for each in (command("http", "ca", "new"), update):
        subprocess.run(each, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    ruling = where / "state/http/ruling.json"
    with (
        started(command("serve"), where / "daemon.log", ruling.exists, LOAD_CORE),
        started(command("http", "serve"), where / "http.log", lambda: connects(proxy)) as process,
    ):
        workers = descendants(process.pid)
        with place.lists.names.open(encoding="ascii") as listed:
            blocked = listed.readline().strip()
        give_up = time.monotonic() + PATIENCE
        while _status(proxy, f"http://{blocked}:{place.origin.plain}/") != 403:
            if time.monotonic() > give_up:
                raise RuntimeError(f"no rules: {(where / 'http.log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield Proxy("filterd", proxy, tuple(workers), where / "state/http/ca/filterd.crt")


@contextlib.contextmanager
def bare(place: Place, *, splice: bool) -> Iterator[Proxy]:
    """Run mitmproxy as our worker embeds it, beside `ours`, with the same authority."""
    settings = place.folder / "ours/state/http/worker.json"
    port = free_port()
    words = [str(HTTP_PYTHON), "-m", "bench.http.bare", str(settings), str(port)]
    log = place.folder / f"bare-{port}.log"
    command = [*words, *(["splice"] if splice else [])]
    with started(command, log, lambda: connects(port)) as process:
        trust = settings.parent / "ca/filterd.crt"
        yield Proxy("mitmproxy", port, (process.pid,), trust)


def _config(place: Place, where: Path, proxy: int, dns: int) -> dict[str, object]:
    nobody = free_port()  # nobody is to be asked: all names are records
    return {
        "language": "en",
        "state_dir": str(where / "state"),
        "listen": {"udp": [f"{LOOPBACK}:{dns}"], "tcp": [f"{LOOPBACK}:{dns}"]},
        "upstream": {"servers": [f"udp://{LOOPBACK}:{nobody}"], "strategy": "strict"},
        "metrics": {"listen": f"{LOOPBACK}:{free_port()}"},
        "control": {"socket": str(where / "control.sock")},
        "records": [f"*.site.example A {LOOPBACK}"],
        "default_group": "pupils",
        "groups": {
            "pupils": {"age": 14},
            "read": {"age": 14, "networks": [f"{READ}/32"]},
        },
        "lists": {
            "all": {
                "format": "domains", "path": str(place.lists.names), "subdomains": True,
                "trusted": True, "refresh": "7d",
            },
            "pages": {
                "format": "urls", "path": str(place.lists.urls), "trusted": True, "refresh": "7d",
            },
            **{
                path.stem: {"format": "abp-url", "path": str(path), "trusted": True}
                for path in place.lists.requests
            },
        },
        "block": [NEVER_ASKED],
        "http": {
            "listen": {"explicit": [f"{LOOPBACK}:{proxy}"]},
            "python": str(HTTP_PYTHON),
            "workers": 1,
            "ports": [place.origin.plain, place.origin.tls, place.sink],
            "inspect": {"groups": ["read"]},
            "upstream_ca": str(place.origin.trust),
        },
    }  # fmt: skip


def _status(proxy: int, url: str) -> int:
    """Return what a proxy answers to a GET of `url`."""
    try:
        with socket.create_connection((LOOPBACK, proxy), timeout=5) as asking:
            host = url.split("/")[2]
            asking.sendall(f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            said = asking.recv(4096).split(None, 2)
    except OSError:
        return 0
    return int(said[1]) if len(said) > 1 else 0
