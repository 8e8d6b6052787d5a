"""What is only added to is guarded by the database itself, on both databases, however its rows are to be changed."""

import importlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.events.commands import DeedRecorded
from shared.events.settlement import CertificatesSettled, IntervalSettled
from tests.component.settlement.settlement_facts import DELIVERY, FLOWS_WH, a_bench, an_auction, readings, sun
from tests.component.trading_api.trading_api_bench import ApiBench

BOOKS = ("ledger_entry", "ledger_line", "ledger_link", "operators_link")
CERTIFICATES = ("certification", "certificate_bundle", "certificate_slice", "certificate_line", "storage_record")
GUARDED = {"settlement": (*BOOKS, *CERTIFICATES), "trading_api": ("audit",)}
PLACES = [(service, table) for service, tables in GUARDED.items() for table in tables]
TRIGGERS = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_trigger.tgrelid = pg_class.oid "
    "WHERE NOT tgisinternal",
}


def fill(url: str) -> None:
    """Let an interval be settled and certified, and an operator act."""
    with closing(a_bench(url)) as settlement, closing(ApiBench(url)) as api:
        settlement.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH), *sun(DELIVERY, 9_000))
        assert settlement.published(IntervalSettled)
        assert settlement.published(CertificatesSettled)
        with api.client("operator") as operator:
            operator.post("/api/v1/market/resume")
        api.run()
        settlement.give(*api.published(DeedRecorded))


@pytest.mark.parametrize(("service", "table"), PLACES)
def test_no_row_is_replaced_by_inserting_it_again(tmp_path: Path, service: str, table: str) -> None:
    fill(f"sqlite:///{tmp_path}")

    with closing(sqlite3.connect(tmp_path / f"{service}.db")) as db:
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0
        for deed in ("INSERT OR REPLACE INTO", "REPLACE INTO"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(f"{deed} {table} SELECT * FROM {table} LIMIT 1")


@pytest.mark.parametrize(("service", "table"), PLACES)
def test_no_row_is_changed_or_taken_out(database_url: str, service: str, table: str) -> None:
    fill(database_url)
    engine = open_engine(service_url(database_url, service))

    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET complex_id = 'x'"):
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), engine.begin() as db:
            db.exec_driver_sql(change)
    engine.dispose()


@pytest.mark.parametrize("service", GUARDED)
def test_migrations_make_the_triggers_of_the_service(database_url: str, tmp_path: Path, service: str) -> None:
    metadata: sa.MetaData = importlib.import_module(f"services.{service}.store").METADATA
    upgrade(database_url, service)
    engine = open_engine(service_url(database_url, service))
    query = sa.text(TRIGGERS[engine.dialect.name])
    with engine.connect() as db:
        migrated = {tuple(row) for row in db.execute(query)}
    with engine.begin() as db:
        if engine.dialect.name == "postgresql":
            db.execute(sa.text(f"DROP SCHEMA {service} CASCADE"))
            db.execute(sa.text(f"CREATE SCHEMA {service}"))
    engine.dispose()
    if engine.dialect.name == "sqlite":
        engine = open_engine(service_url(f"sqlite:///{tmp_path / 'declared'}", service))

    with engine.begin() as db:
        metadata.create_all(db)
    with engine.connect() as db:
        declared = {tuple(row) for row in db.execute(query)}
    engine.dispose()

    assert migrated == declared
    assert {table for _, table in declared} >= set(GUARDED[service])
