"""What is measured in: an origin, names, rules, and proxies that all stand on one core.

The origin is nginx, in the clear and with TLS; it shares the other core with the load.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.http.authority import Authority
from bench.http.lists import Lists
from bench.http.places import BODY, HOSTS, LARGE, LARGE_PAGE, PAGE
from bench.places import LOAD_CORE, LOOPBACK, ROOT, SERVER_CORE
from bench.process import end, free_port, placed

PATIENCE = 240.0  # seconds for a million rules to be compiled


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
