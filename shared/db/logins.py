"""A login of its own for each service on PostgreSQL: it works in its own schema, and owns nothing in it."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db.engine import open_engine, service_url
from shared.paths import INFRA

# Adds to the books and can't change them, whatever the service's code does.
SETTLEMENT = "settlement"
SETTLEMENT_ROLE = INFRA / "postgres" / "settlement_role.sql"


def grant_login(base_url: str, service: str, password: str) -> None:
    """Make a service's login, or give it another password, and let it do what the service does.

    Args:
        base_url: PostgreSQL as the owner of the schemas, who has migrated them.
        service: The service, its schema and its login.
        password: What it signs in with.
    """
    engine = open_engine(service_url(base_url, service), answer_s=None)
    try:
        with engine.begin() as db:
            if db.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": service}) is None:
                _run(db, "CREATE ROLE %I", service)
            _run(db, "ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L", service, password)
            if service == SETTLEMENT:
                db.exec_driver_sql(SETTLEMENT_ROLE.read_text(encoding="utf-8"))
                _run(db, "GRANT sandan_settlement TO %I", service)
                return
            _run(db, "GRANT USAGE ON SCHEMA %I TO %I", service, service)
            _run(db, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I", service, service)
            _run(db, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I", service, service)
            _run(db, "REVOKE INSERT, UPDATE, DELETE ON %I.alembic_version FROM %I", service, service)
    finally:
        engine.dispose()


def _run(db: Connection, form: str, *names: str) -> None:
    """Execute a statement that takes no parameters, its names and texts quoted by the server."""
    places = {f"p{number}": name for number, name in enumerate(names)}
    arguments = "".join(f", CAST(:{place} AS text)" for place in places)
    statement = db.scalar(sa.text(f"SELECT format(CAST(:form AS text){arguments})"), {"form": form, **places})
    assert isinstance(statement, str)  # noqa: S101 -- narrows the type
    db.exec_driver_sql(statement.replace("%", "%%"))
