"""On PostgreSQL each service signs in as itself, and reaches nothing of another's."""

from contextlib import closing

import pytest
import sqlalchemy as sa

from shared.db.engine import open_engine, service_url
from shared.db.logins import grant_login
from shared.db.migrating import upgrade
from shared.events.settlement import IntervalSettled
from shared.events.topics import SERVICES
from tests.component.settlement.settlement_facts import DELIVERY, FLOWS_WH, a_bench, an_auction, readings

# What a shell, a URL, a format and SQL each read as something else.
PASSWORD = 'it\'s 100 % "odd" \\ :x'  # noqa: S105 -- of a database that lives as long as the test


def as_service(base_url: str, service: str) -> str:
    url = sa.make_url(base_url).set(username=service, password=PASSWORD)
    return url.render_as_string(hide_password=False)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_each_service_reads_and_writes_its_own_schema_alone(database_url: str) -> None:
    for service in SERVICES:
        upgrade(database_url, service)
        # Again, as after each migration.
        for _ in range(2):
            grant_login(database_url, service, PASSWORD)

    for service in SERVICES:
        engine = open_engine(service_url(as_service(database_url, service), service))
        with engine.connect() as db:
            assert db.scalar(sa.text("SELECT current_user")) == service
            assert (
                db.scalar(sa.text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"))
                is False
            )
            assert db.scalar(sa.text("SELECT count(*) FROM inbox")) == 0
            db.execute(sa.text("DELETE FROM outbox"))
        other = next(one for one in SERVICES if one != service)
        for refused in (
            f"SELECT count(*) FROM {other}.inbox",
            "DROP TABLE inbox",
            "CREATE TABLE more (x int)",
            "UPDATE alembic_version SET version_num = 'x'",
        ):
            with pytest.raises(sa.exc.ProgrammingError), engine.begin() as db:
                db.execute(sa.text(refused))
        engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_settlement_settles_as_itself_and_changes_no_books(database_url: str) -> None:
    with closing(a_bench(database_url)) as bench:
        upgrade_marks(bench.engine)
        grant_login(database_url, "settlement", PASSWORD)
        bench.engine.dispose()
        bench.engine = open_engine(service_url(as_service(database_url, "settlement"), "settlement"))
        bench.restart()

        bench.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH))

        assert len(bench.published(IntervalSettled)) == 1
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), bench.engine.begin() as db:
            db.execute(sa.text("DELETE FROM ledger_entry"))


def upgrade_marks(engine: sa.Engine) -> None:
    """Make the table that a migration leaves, which a bench has none of."""
    with engine.begin() as db:
        db.execute(sa.text("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) NOT NULL)"))
