"""The revision of a service's schema: the newest in the tree, and the one that a database has.

Every process asks this at its start, so nothing here imports Alembic, whose import costs more than the question.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from shared.errors import BadInput
from shared.paths import INFRA

# What databases without any revision have.
NONE = "none"
# Alembic's own table; it holds one row, as a service's revisions are one line without branches.
VERSION = sa.table("alembic_version", sa.column("version_num", sa.Text))


def newest_revision(service: str) -> str:
    """Return the id of the newest revision in the tree: the greatest file name, as ids are numbered in order."""
    return max((path.stem for path in (INFRA / "migrations" / service).glob("[0-9]*.py")), default=NONE)


def revision_of(db: Connection) -> str:
    """Return the id of the revision that a database is at, or "none"."""
    if not sa.inspect(db).has_table(VERSION.name):
        return NONE
    return db.execute(sa.select(VERSION.c.version_num)).scalar_one_or_none() or NONE


def require_newest(engine: Engine, service: str) -> None:
    """Refuse to start on a database whose schema is not the tree's.

    Raises:
        BadInput: It is another one.
        sqlalchemy.exc.OperationalError: The database is away; ask again later (see DATABASE_FAULTS).
    """
    with engine.connect() as db:
        revision = revision_of(db)
    wanted = newest_revision(service)
    if revision != wanted:
        raise BadInput(
            where="database",
            field=f"{service} schema",
            rule=f"must be at revision {wanted}",
            value=revision,
            hint="run: sandan migrate",
        )
