"""Databases for the hub's tests: SQLite in a file, and a real PostgreSQL of the tests' own.

The server is begun once; each test gets a database of its own. `DATABASES` parametrizes a test over
both.
"""

import atexit
import itertools
from functools import cache
from pathlib import Path

from bench.feed.postgresql import Missing, start
from filterd.hub.database import migrate, open_database
from tests.support.needs import absent

DATABASES = ("sqlite", "postgresql")
_numbers = itertools.count(1)
# It is killed with its files: what it has on disk when the power goes is not tested here.
_SETTINGS = {"max_connections": "60", "shared_buffers": "64MB", "fsync": "off"}


def database_url(kind, folder):
    """Return the address of a new, empty database of `kind`; its files, if any, are in `folder`."""
    if kind == "sqlite":
        return f"sqlite:///{Path(folder) / f'hub-{next(_numbers)}.db'}"
    server = _postgresql()
    if isinstance(server, Missing):
        absent("PostgreSQL", "apt-get install postgresql")
    return server.url()


def new_database(kind, folder):
    """Return a new database with its tables."""
    url = database_url(kind, folder)
    migrate(url)
    return open_database(url)


@cache
def _postgresql():
    try:
        server = start(_SETTINGS)
    except Missing as missing:
        return missing
    atexit.register(server.stop)
    return server
