"""What is measured in: an origin, names, rules, and proxies that all stand on one core.

The origin is nginx, in the clear and with TLS; it shares the other core with the load. The daemon
that hands our worker its rules runs there too, and has nothing to do meanwhile.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.http.authority import Authority
from bench.http.lists import Lists
from bench.http.places import BODY, HOSTS, HTTP_PYTHON, LARGE, LARGE_PAGE, NEVER_ASKED, PAGE, READ
from bench.places import LOAD_CORE, LOOPBACK, ROOT, SERVER_CORE
from bench.process import descendants, end, free_port, placed

PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that stands: `pids` are all processes whose CPU is its own."""

    name: str
    port: int
    pids: tuple[int, ...]
    trust: Path  # whose certificates it shows where it decrypts


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the pages are. `trust`: the file of the authority behind its certificate."""

    plain: int
    tls: int
    trust: Path


@dataclass(frozen=True, slots=True)
class Place:
    """What a proxy is made of: a folder of its own to write in, the rules, the origin."""

    folder: Path
    lists: Lists
    origin: Origin
    sink: int  # a port of loopback where nobody takes a connection: whoever came is seen there


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that squid, who gives up root, can read too."""
    with tempfile.TemporaryDirectory(prefix="filterd-bench-") as name:
        made = Path(name)
        made.chmod(0o755)
        yield made


@contextlib.contextmanager
def started(
    command: Sequence[str], log: Path, ready: Callable[[], bool], core: int = SERVER_CORE
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends, with standard input that ends with this process."""
    with log.open("wb") as out, placed(core, first=True, realtime=core != SERVER_CORE):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
    prefer(process.pid)
    try:
        give_up = time.monotonic() + PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        end(process)
        assert process.stdin is not None
        process.stdin.close()


def prefer(pid: int) -> None:
    """Have the session of a process come before others on a busy machine.

    Linux shares CPU by session first (sched(7), autogroup): niceness counts inside of one only.
    """
    with contextlib.suppress(OSError):  # not every kernel has it, and not everybody may
        Path(f"/proc/{pid}/autogroup").write_text("-20", encoding="ascii")


def connects(port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def origin(where: Path) -> Iterator[Origin]:
    """Run nginx. RuntimeError where there is none."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise RuntimeError("no nginx; install the Debian package nginx-light")
    where.mkdir()
    authority = Authority.new("Origin's authority")
    certificate, key = authority.issue(where, HOSTS)
    made = Origin(free_port(), free_port(), where / "authority.pem")
    made.trust.write_bytes(authority.pem)
    pages = where / "pages"
    page = pages / PAGE.removeprefix("/")
    page.parent.mkdir(parents=True)
    page.write_bytes(b"x" * BODY)
    with (pages / LARGE_PAGE.removeprefix("/")).open("wb") as large:
        large.truncate(LARGE)
    (where / "nginx.conf").write_text(
        f"""daemon off; pid {where}/nginx.pid; error_log stderr; worker_processes 1;
        {"user root;" if os.geteuid() == 0 else ""}
        events {{ worker_connections 1024; }}
        http {{
          access_log off; keepalive_requests 100000000; default_type text/html; root {pages};
          open_file_cache max=10; tcp_nodelay on;
          client_body_temp_path {where}/b; proxy_temp_path {where}/p; fastcgi_temp_path {where}/f;
          uwsgi_temp_path {where}/u; scgi_temp_path {where}/s;
          server {{ listen {LOOPBACK}:{made.plain} backlog=1024; }}
          server {{ listen {LOOPBACK}:{made.tls} ssl backlog=1024;
                    ssl_certificate {certificate}; ssl_certificate_key {key}; }}
        }}""",
        encoding="utf-8",
    )
    command = [program, "-p", str(where), "-c", str(where / "nginx.conf"), "-e", "stderr"]
    with started(command, where / "log", lambda: connects(made.plain), LOAD_CORE):
        yield made


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
