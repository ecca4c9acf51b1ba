"""Every test that asks for `database` runs on SQLite and on a real PostgreSQL."""

import pytest

from filterd.hub.compliance import Look
from tests.support.databases import DATABASES, database_url, new_database
from tests.support.hub_world import NOW


@pytest.fixture(params=[DATABASES[0], pytest.param(DATABASES[1], marks=pytest.mark.real)])
def kind(request):
    return request.param


@pytest.fixture
def url(kind, tmp_path):
    """An empty database."""
    return database_url(kind, tmp_path)


@pytest.fixture
def database(kind, tmp_path):
    """A database with its tables."""
    made = new_database(kind, tmp_path)
    yield made
    made.close()


@pytest.fixture
def books(database):
    """Give what writes a world and looks at it, at its `NOW`."""
    opened = []

    def write(world, **changed):
        with database.write() as connection:
            world.write(connection)
        opened.append(database.read())
        return Look(opened[-1].__enter__(), NOW, **changed)

    yield write
    for each in opened:
        each.__exit__(None, None, None)
