"""Every test that asks for `database` runs on SQLite and on a real PostgreSQL."""

import pytest

from tests.support.databases import DATABASES, database_url, new_database


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
