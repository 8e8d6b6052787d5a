"""What the read model keeps for a time, and what for good."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from services.trading_api.batteries.tables import SCHEDULE, SETPOINT, SOC
from services.trading_api.db.pruning import prune
from services.trading_api.forecasts.tables import FORECAST
from services.trading_api.log.audit import audit_flaws
from services.trading_api.metering.tables import READING
from services.trading_api.operation.tables import DEAD_LETTER
from services.trading_api.pruning import Keep, kept_rows
from services.trading_api.store import METADATA
from shared.events.fems import DeviceObserved, MeterKind, SetpointConfirmed
from shared.events.market import MarketHalted
from shared.events.records import Side
from shared.events.scheduler import ScheduleSolved
from shared.events.settlement import ReadingIgnored
from shared.intervals import DAY, INTERVAL
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, ApiBench
from tests.component.trading_api.trading_api_facts import (
    DELIVERY,
    a_forecast,
    a_letter,
    a_reading,
    a_settlement,
    a_statement,
    a_trade,
    an_order,
    setpoint_facts,
)

FOR_A_TIME = {
    "reading",
    "soc",
    "setpoint",
    "ignored_reading",
    "dead_letter",
    "forecast",
    "schedule",
    "load_plan",
    "deed",
}
# One row a thing that the complex file, an operator or a caller made; or bounded elsewhere.
OF_ONE_SIZE = {
    *("api_key", "console_session", "calendar", "limits", "market_state", "participant_state", "device", "accuracy"),
    *("study", "stream", "log_head", "order_writer", "inbox", "outbox", "consumed", "revoked_token", "bidding"),
}
FOR_GOOD = {
    *("submitted_order", "order_outcome", "auction", "day_ahead", "trade", "settled_interval", "settled_line"),
    *("statement", "invoice", "certificate", "certified_line", "certification_link", "audit"),
}
KEEP = Keep(facts=timedelta(days=30), curves=timedelta(days=3))


def a_plan(start: datetime) -> ScheduleSolved:
    return ScheduleSolved(
        complex_id=COMPLEX,
        schedule_id=f"{start:%Y%m%d%H%M}",
        device_id="hanbit-ess",
        participant_id=HANBIT,
        solved_at=start,
        first_delivery_start=start,
        status="optimal",
        charge_w=(0,),
        discharge_w=(0,),
        soc_wh=(0,),
        reasons=("idle",),
        energy_value_krw_per_kwh=(100.0,),
        solve_seconds=0.1,
    )


def a_charge(at: datetime) -> DeviceObserved:
    return DeviceObserved(
        complex_id=COMPLEX,
        device_id="hanbit-ess",
        participant_id=HANBIT,
        meter_kind=MeterKind.ESS,
        observed_at=at,
        import_w=0,
        export_w=0,
        soc_wh=1,
        capacity_wh=2,
        reachable=True,
    )


def give_a_day(bench: ApiBench, start: datetime) -> None:
    """Let every service say something about one interval."""
    name = f"{start:%Y%m%d}"
    charge, letter = a_charge(start), a_letter(COMPLEX).model_copy(update={"set_aside_at": start})
    bench.give(a_reading(start), charge, a_settlement(start), a_trade(12_000, 10_000, start), a_statement())
    bench.give(a_forecast().model_copy(update={"first_delivery_start": start, "issued_at": start}), a_plan(start))
    bench.give(an_order(f"o{name}", HANBIT, Side.BUY, start))
    facts = {**setpoint_facts(f"p{name}"), "delivery_start": start}
    bench.give(SetpointConfirmed(**facts, participant_id=HANBIT, confirmed_at=start))
    bench.give(ReadingIgnored(complex_id=COMPLEX, meter_id="m", delivery_start=start, reason="settled"))
    bench.give(letter, letter.model_copy(update={"complex_id": "unknown"}), producer="market")


def counts(bench: ApiBench) -> dict[str, int]:
    with bench.engine.connect() as db:
        return {
            name: db.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in METADATA.tables.items()
        }


def test_every_table_is_pruned_bounded_or_kept_for_good() -> None:
    assert set(METADATA.tables) == FOR_A_TIME | OF_ONE_SIZE | FOR_GOOD


def test_what_is_older_than_it_is_kept_goes_and_the_books_stay(bench: ApiBench) -> None:
    for days in (31, 4, 0):
        give_a_day(bench, NOON - days * DAY)
    bench.give(MarketHalted(complex_id=COMPLEX, halted_at=NOON - 800 * DAY, reason="drill", operator="kim"))
    before = counts(bench)

    for complex_id in (COMPLEX, "elsewhere"):
        with bench.engine.begin() as db:
            prune(db, kept_rows(complex_id, KEEP), now=NOON)

    gone = {name: before[name] - number for name, number in counts(bench).items() if before[name] != number}
    # Of three days one is older than 30 days, and its two letters; two are older than three days: they go in turns.
    assert gone == {
        **dict.fromkeys(("reading", "soc", "setpoint", "ignored_reading", "forecast", "schedule"), 1),
        "dead_letter": 2,
    }
    with bench.engine.begin() as db:
        prune(db, kept_rows(COMPLEX, KEEP), now=NOON)
        newest = [
            db.scalar(sa.select(sa.func.min(column)))
            for column in (FORECAST.c.first_delivery_start, SCHEDULE.c.first_delivery_start)
        ]
        oldest = [db.scalar(sa.select(sa.func.min(table.c.delivery_start))) for table in (READING, SOC, SETPOINT)]
    assert (newest, oldest) == ([NOON] * 2, [NOON - 4 * DAY] * 3)


def test_a_row_exactly_as_old_as_it_is_kept_stays(bench: ApiBench) -> None:
    bench.give(a_reading(NOON - KEEP.facts), a_reading(NOON - KEEP.facts - INTERVAL))

    with bench.engine.begin() as db:
        prune(db, kept_rows(COMPLEX, KEEP), now=NOON)
        assert db.scalars(sa.select(READING.c.delivery_start)).all() == [NOON - KEEP.facts]


def test_the_tick_prunes_at_each_gate_and_callers_see_no_difference_but_age(bench: ApiBench) -> None:
    old, kept = DELIVERY - 401 * DAY, DELIVERY - 399 * DAY
    bench.give(a_reading(old), a_reading(kept), a_trade(12_000, 10_000, old), a_settlement(old))
    with bench.client("operator") as operator:
        operator.post("/api/v1/market/resume")

        # The gate of the next interval closes.
        bench.run(until=NOON + INTERVAL)

        readings = operator.get("/api/v1/readings").json()["items"]
        assert [row["delivery_start"] for row in readings] == [kept.isoformat().replace("+00:00", "Z")]
        assert len(operator.get("/api/v1/trades").json()["items"]) == 1
    with bench.engine.connect() as db:
        assert audit_flaws(db, COMPLEX) == []
        assert db.scalar(sa.select(sa.func.count()).select_from(DEAD_LETTER)) == 0
