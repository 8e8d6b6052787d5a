"""Alembic's entry point for every service; `shared/db/migrating.py` hands over the connection."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
