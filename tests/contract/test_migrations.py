"""What `sandan migrate` makes is what the services' statements expect, on both databases."""

import importlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.market.store.orders import rules_at
from services.market.store.tables import CALENDAR
from services.settlement.store.audit import ledger_flaws, ledger_links
from services.settlement.store.tables import LEDGER_ENTRY, LEDGER_LINE
from shared.db.engine import open_engine, service_url
from shared.db.migrating import alembic_config, upgrade
from shared.db.revisions import newest_revision, require_newest
from shared.errors import BadInput
from shared.events.topics import SERVICES
from shared.paths import INFRA


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_make_the_tables_of_the_service(database_url: str, service: str) -> None:
    metadata: sa.MetaData = importlib.import_module(f"services.{service}.store").METADATA
    upgrade(database_url, service)
    engine = open_engine(service_url(database_url, service))

    with engine.connect() as db:
        differences = compare_metadata(MigrationContext.configure(db, opts={"compare_type": True}), metadata)
    engine.dispose()

    assert differences == []


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    assert upgrade(database_url, "scheduler") == upgrade(database_url, "scheduler") == newest_revision("scheduler")


@pytest.mark.parametrize("service", SERVICES)
def test_the_greatest_file_name_is_the_revision_that_all_others_lead_to(service: str) -> None:
    revisions = [one.revision for one in ScriptDirectory.from_config(alembic_config(service)).walk_revisions()]

    assert newest_revision(service) == revisions[0] == max(revisions)
    assert {path.stem for path in (INFRA / "migrations" / service).glob("*.py")} == set(revisions)


def test_a_service_refuses_a_database_that_was_not_migrated(database_url: str) -> None:
    engine = open_engine(service_url(database_url, "scheduler"))

    with pytest.raises(BadInput, match=r"scheduler schema must be at revision \d{4}_scheduler, was 'none' .*migrate"):
        require_newest(engine, "scheduler")

    engine.dispose()


def test_two_services_share_a_server_without_seeing_each_other(database_url: str) -> None:
    for service in ("scheduler", "market"):
        upgrade(database_url, service)
    engine = open_engine(service_url(database_url, "scheduler"))

    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()

    assert "setpoint" in names
    assert "auction" not in names


def test_every_folder_of_migrations_belongs_to_a_service() -> None:
    folders = {path.name for path in (INFRA / "migrations").iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert folders == set(SERVICES)


def test_a_ledger_of_before_the_chain_is_chained(database_url: str) -> None:
    url = service_url(database_url, "settlement")
    config = alembic_config("settlement")
    engine = open_engine(url)
    key = {"complex_id": "c", "entry_id": "trade:1"}
    with engine.begin() as db:
        if engine.dialect.name == "postgresql":
            db.execute(sa.schema.CreateSchema("settlement", if_not_exists=True))
        config.attributes["connection"] = db
        command.upgrade(config, "0002_settlement")
        entry = {"delivery_start": datetime(2026, 5, 20, tzinfo=UTC), "kind": "trade", "cause_event_id": UUID(int=1)}
        db.execute(sa.insert(LEDGER_ENTRY).values(**key, **entry))
        for number, sides in enumerate(((5, 0), (0, 5)), start=1):
            amounts = dict(zip(("debit_krw", "credit_krw"), sides, strict=True))
            db.execute(sa.insert(LEDGER_LINE).values(**key, number=number, account="grid", **amounts))

    upgrade(database_url, "settlement")

    with engine.connect() as db:
        assert list(ledger_links(db, "c")) == [1]
        assert ledger_flaws(db, "c") == []
    engine.dispose()


def test_a_calendar_of_before_is_kept_as_its_event_tells_it_and_can_go_back(database_url: str) -> None:
    config = alembic_config("market")
    engine = open_engine(service_url(database_url, "market"))
    effective_from = datetime(2026, 5, 20, 3, 0, 0, 1, tzinfo=UTC)
    before = {
        "version": 1,
        "gate_closure_lead_s": 2_700,
        "opening_lead_s": None,
        "price_jeon_per_kwh_min": 0,
        "price_jeon_per_kwh_max": 16_000,
        "quantity_wh_max": 40_000,
        "tick_jeon": 500,
        "lot_wh": 500,
        "traders": ["a"],
        "day_ahead_gate_s": 39_600,
    }
    row = {"version": 1, "effective_from": effective_from, "requested_at": effective_from, "operator": "kim"}
    with engine.begin() as db:
        if engine.dialect.name == "postgresql":
            db.execute(sa.schema.CreateSchema("market", if_not_exists=True))
        config.attributes["connection"] = db
        command.upgrade(config, "0005_market")
        db.execute(sa.insert(CALENDAR).values(complex_id="c", rules=before, **row))

    upgrade(database_url, "market")
    with engine.connect() as db:
        rules = rules_at(db, "c", effective_from)
    assert rules is not None
    calendar = rules.calendar
    assert (rules.version, calendar.effective_from, calendar.traders) == (1, effective_from, ("a",))
    assert (calendar.order_quantity_wh_max, calendar.tick_jeon, calendar.gate_closure_lead_s) == (40_000, 500, 2_700)

    with engine.begin() as db:
        config.attributes["connection"] = db
        command.downgrade(config, "0005_market")
        assert db.scalar(sa.select(CALENDAR.c.rules)) == before
    engine.dispose()
