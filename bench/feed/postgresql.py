"""A real PostgreSQL of one's own: in a temporary folder, on a Unix socket, gone at the end."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text


class Missing(Exception):
    """PostgreSQL is not installed."""


@dataclass
class Server:
    """A running server; `url` makes a new database in it."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def url(self) -> str:
        """Return the address of a new, empty database."""
        name = f"hub_{os.getpid()}_{next(self.numbers)}"
        engine = create_engine(self._address("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._address(name)

    def stop(self) -> None:
        """End it, at once, and remove its files."""
        self.process.send_signal(signal.SIGINT)  # SIGTERM would wait for whoever is connected
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _address(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"


def start(settings: Mapping[str, str]) -> Server:
    """Start one. Missing; RuntimeError: it does not start."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="filterd-pg-"))
    data, log, user = folder / "data", folder / "log", _unprivileged()
    as_user = {}
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    make = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    subprocess.run(  # type: ignore[call-overload]
        (programs / "initdb", "-D", data, *make),
        check=True,
        capture_output=True,
        cwd=folder,
        timeout=120,
        **as_user,
    )
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    words = (programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=")
    with log.open("wb") as said:
        process = subprocess.Popen(words, stdout=said, stderr=said, cwd=folder, **as_user)  # type: ignore[call-overload]
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        ready = (programs / "pg_isready", "-h", folder, "-q")
        if subprocess.run(ready, check=False).returncode == 0:
            return Server(folder, process)
        time.sleep(0.05)
    why = log.read_text()[-500:]
    Server(folder, process).stop()
    raise RuntimeError(f"PostgreSQL does not start: {why}")


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    where = found[-1] if found else shutil.which("postgres")
    if where is None:
        raise Missing("PostgreSQL is not installed; deploy/build/test-tools.sh installs it")
    return Path(where).parent


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
