"""Certificates are kept alike on SQLite and on PostgreSQL, with the schema of the migrations."""

from contextlib import closing

import pytest
import sqlalchemy as sa

from services.settlement.store.certificate_tables import APPEND_ONLY
from shared.db.engine import reading
from shared.events.settlement import CertificatesSettled
from tests.component.settlement.certificate_facts import (
    BUYER,
    DISCHARGE_WH,
    ESS,
    EVENING,
    FLOWS_WH,
    ROOF,
    SOLD,
    SUNNY,
    a_bench,
    a_reading,
    check_register,
    ends_of,
    readings,
    traded,
)
from tests.component.settlement.settlement_facts import DELIVERY
from tests.component.trading_api.test_certificates import DAY, certified
from tests.component.trading_api.trading_api_bench import ApiBench


def test_a_charge_that_was_corrected_takes_back_the_same(database_url: str) -> None:
    with closing(a_bench(database_url)) as bench:
        bench.give(traded(DELIVERY, SOLD), *readings(DELIVERY, FLOWS_WH))
        bench.give(traded(EVENING), *readings(EVENING, DISCHARGE_WH))
        bench.give(a_reading(f"{SUNNY}.grid", DELIVERY, (0, 17_000)), a_reading(ROOF, DELIVERY, (0, 31_000)))

        newest = {one.delivery_start: one for one in bench.published(CertificatesSettled)}
        with reading(bench.engine) as db:
            check_register(db)
        for table in APPEND_ONLY:
            with pytest.raises(sa.exc.DatabaseError, match="append-only"), bench.engine.begin() as db:
                db.execute(sa.text(f"DELETE FROM {table.name}"))

    # 1,000 Wh were charged certified, not 4,000: 921 come back.
    assert ends_of(newest[EVENING], ESS) == [(1, 921, SUNNY, "use"), (922, 3_000, SUNNY, "correction")]


def test_matching_sums_alike(database_url: str) -> None:
    told = certified(database_url)
    api = ApiBench(database_url)
    api.give(*told)

    with api.client("operator") as operator:
        answer = operator.get(f"/api/v1/matching/{DAY}").json()
    api.engine.dispose()

    buyer = next(one for one in answer["items"] if one["participant_id"] == BUYER)
    assert (buyer["matched_15min"], buyer["matched_hourly"], buyer["co2_market_kg"]) == ("0.5789", "0.5789", "16.692")
