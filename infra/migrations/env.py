"""Alembic's entry point for every service; `shared/db/migrating.py` hands over the connection and the tables."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from shared.db.tables import UtcInstant


def _render(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcInstant):
        autogen.imports.add("from shared.db.tables import UtcInstant")
        return "UtcInstant()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    render_item=_render,
    render_as_batch=True,
)
context.run_migrations()
