"""Run by Alembic: the steps go through the connection that `upgrade` was given."""

from alembic import context

from filterd.hub.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
