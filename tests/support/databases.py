"""Databases for the hub's tests: SQLite in a file, and a real PostgreSQL of the tests' own.

The server lies in a temporary folder, listens on a Unix socket only, and is begun once; each test
gets a database of its own. `DATABASES` parametrizes a test over both.
"""

import atexit
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from filterd.hub.database import migrate, open_database

DATABASES = ("sqlite", "postgresql")
_numbers = itertools.count(1)
_SETTINGS = (
    "listen_addresses=",
    "max_connections=60",
    "shared_buffers=64MB",
    "fsync=off",
)


def database_url(kind, folder):
    """Return the address of a new, empty database of `kind`; its files, if any, are in `folder`."""
    if kind == "sqlite":
        return f"sqlite:///{Path(folder) / f'hub-{next(_numbers)}.db'}"
    socket = postgresql()
    name = f"hub_{os.getpid()}_{next(_numbers)}"
    run = create_engine(
        f"postgresql+psycopg://postgres@/postgres?host={socket}", isolation_level="AUTOCOMMIT"
    )
    with run.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    run.dispose()
    return f"postgresql+psycopg://postgres@/{name}?host={socket}"


def new_database(kind, folder):
    """Return a new database with its tables."""
    url = database_url(kind, folder)
    migrate(url)
    return open_database(url)


@cache
def postgresql():
    """Start PostgreSQL, once, and return the folder of its socket; skip where there is none."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="filterd-pg-"))
    folder.chmod(0o755)
    user = _unprivileged()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    as_user = (
        {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    )
    how = {"capture_output": True, "cwd": folder, "timeout": 60, **as_user}
    data = folder / "data"
    initdb = (
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    )
    subprocess.run(initdb, check=True, **how)
    (data / "postgresql.auto.conf").write_text(
        "\n".join(f"{k} = '{v}'" for k, v in (s.split("=") for s in _SETTINGS))
    )
    if user is not None:
        os.chown(data / "postgresql.auto.conf", user.pw_uid, user.pw_gid)
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        (programs / "postgres", "-D", data, "-k", folder),
        stdout=log,
        stderr=log,
        cwd=folder,
        **as_user,
    )
    atexit.register(_stop, server, log, folder)
    ready = (programs / "pg_isready", "-h", folder, "-q")
    for _ in range(600):
        if subprocess.run(ready, check=False).returncode == 0:
            return folder
        if server.poll() is not None:
            break
        try:
            server.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(f"PostgreSQL does not start: {(folder / 'log').read_text()[-500:]}")


def _programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    where = found[-1] if found else shutil.which("postgres")
    if where is None:
        pytest.skip("PostgreSQL is not installed; deploy/build/test-tools.sh installs it")
    return Path(where).parent


def _unprivileged():
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _stop(server, log, folder):
    server.send_signal(signal.SIGINT)  # at once; SIGTERM would wait for whoever is connected
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)
    log.close()
    shutil.rmtree(folder, ignore_errors=True)
