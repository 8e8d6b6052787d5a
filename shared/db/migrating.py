"""Apply a service's schema changes: Alembic revisions under infra/migrations, by `sandan migrate`, never silently."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from shared.db.engine import open_engine, service_url
from shared.db.revisions import newest_revision
from shared.errors import BadInput
from shared.paths import INFRA


def alembic_config(service: str) -> Config:
    """Return Alembic's settings for one service's revisions."""
    config = Config()
    config.set_main_option("script_location", str(INFRA / "migrations"))
    config.set_main_option("version_locations", str(INFRA / "migrations" / service))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s")
    return config


def upgrade(base_url: str, service: str) -> str:
    """Bring a service's database to the newest revision and return its name."""
    # A change of a large table takes as long as it takes.
    engine = open_engine(service_url(base_url, service), answer_s=None)
    config = alembic_config(service)
    try:
        with engine.begin() as db:
            if engine.dialect.name == "postgresql":
                db.execute(sa.schema.CreateSchema(service, if_not_exists=True))
            config.attributes["connection"] = db
            command.upgrade(config, "head")
    except sa.exc.OperationalError as error:
        raise _no_answer(engine, error) from None
    finally:
        engine.dispose()
    return newest_revision(service)


def draft_revision(service: str, metadata: sa.MetaData, message: str) -> None:
    """Write a new revision that leads from the tree's newest one to a service's tables; a person reads it over."""
    engine = sa.create_engine("sqlite://")
    config = alembic_config(service)
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    with engine.begin() as db:
        config.attributes["connection"] = db
        config.attributes["metadata"] = metadata
        command.upgrade(config, "head")
        versions = str(INFRA / "migrations" / service)
        revision = f"{number:04d}_{service}"
        command.revision(config, message, autogenerate=True, rev_id=revision, version_path=versions)
    engine.dispose()


def _no_answer(engine: Engine, error: sa.exc.OperationalError) -> BadInput:
    return BadInput(
        where="environment",
        field="SANDAN_DATABASE_URL",
        rule="must be a database that answers",
        value=engine.url.render_as_string(hide_password=True),
        hint=str(error.orig).strip().splitlines()[0],
    )
