"""The steps from one schema of the hub's database to the next, each numbered, none ever changed.

A change of `filterd/hub/tables.py` comes with a step in `versions/`; a test holds the
steps together against the tables.
"""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

NEWEST = "0004"
_FOLDER = Path(__file__).parent


def upgrade(connection: Connection) -> None:
    """Bring the tables to `NEWEST`, in the transaction of `connection`."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, NEWEST)


def numbers() -> tuple[str, ...]:
    """Return the numbers of all schemas that this release knows, newest first."""
    return tuple(each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
