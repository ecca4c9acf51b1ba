"""What stands in the database of a running hub."""

from sqlalchemy import func, select

from filterd.hub.database import open_database


def database_of(hub):
    url = hub.database
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        url = f"sqlite:///{hub.folder / url.removeprefix('sqlite:///')}"
    return open_database(url)


def rows(hub, table):
    database = database_of(hub)
    with database.read() as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar_one()
    database.close()
    return found
