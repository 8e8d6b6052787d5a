"""A trading day in numbers, and how far it is."""

from datetime import date

from sqlalchemy.engine import Connection
from typing_extensions import TypedDict

from services.trading_api.db.spans import Span
from services.trading_api.overview.queries import batteries_measured, day_counts, interval_counts, statements_of
from services.trading_api.savings.queries import savings
from services.trading_api.savings.views import saving_view
from services.trading_api.text import WhyView, instant_text
from shared.complex.model import Complex
from shared.intervals import DAY, day_start
from shared.units import krw_text, kwh_text, round_half_up


class Report(TypedDict):
    """A Korean day in numbers, counted by delivery; for `saving_krw` and its parts see docs/savings.md."""

    day: str
    factories: int
    intervals: int
    readings: int
    forecasts: int
    schedules: int
    setpoints_confirmed: int
    orders: int
    auctions_cleared: int
    trades: int
    traded_kwh: str
    average_price_krw_per_kwh: str | None
    ledger_entries: int
    ledger_sum_krw: int
    cost_without_krw: int
    cost_with_krw: int
    stored_value_krw: int
    battery_shift_krw: int
    trading_gain_krw: int
    saving_krw: int
    saving_basis: WhyView
    battery_shift_basis: WhyView
    trading_gain_basis: WhyView
    intervals_settled: int
    statements: int
    late_events: int
    dead_letters: int


def report_of(db: Connection, complex_: Complex, day: date) -> Report:
    """Return a trading day in numbers."""
    counts = day_counts(db, complex_.complex_id, day)
    span = Span(complex_.complex_id, day_start(day), day_start(day) + DAY)
    saved = saving_view(day.isoformat(), savings(db, span, complex_).values())
    traded_wh = counts.traded_wh
    average = round_half_up(counts.traded_jeon_wh_per_kwh, traded_wh) if traded_wh else None
    return {
        "day": day.isoformat(),
        "factories": len(complex_.participants),
        "intervals": counts.intervals,
        "readings": counts.readings,
        "forecasts": counts.forecasts,
        "schedules": counts.schedules,
        "setpoints_confirmed": counts.setpoints_confirmed,
        "orders": counts.orders,
        "auctions_cleared": counts.auctions_cleared,
        "trades": counts.trades,
        "traded_kwh": kwh_text(traded_wh),
        "average_price_krw_per_kwh": None if average is None else krw_text(average),
        "ledger_entries": counts.ledger_entries,
        "ledger_sum_krw": counts.ledger_sum_krw,
        "cost_without_krw": saved["baseline_krw"],
        "cost_with_krw": saved["cost_krw"],
        "stored_value_krw": saved["stored_value_krw"],
        "battery_shift_krw": saved["battery_shift_krw"],
        "trading_gain_krw": saved["trading_gain_krw"],
        "saving_krw": saved["saving_krw"],
        "saving_basis": saved["basis"],
        "battery_shift_basis": saved["battery_shift_basis"],
        "trading_gain_basis": saved["trading_gain_basis"],
        "intervals_settled": counts.intervals_settled,
        "statements": counts.statements,
        "late_events": counts.late_events,
        "dead_letters": counts.dead_letters,
    }


class IntervalProgress(TypedDict):
    """What has been heard of a delivery interval so far, counted."""

    delivery_start: str
    forecasts: int
    schedules: int
    setpoints_confirmed: int
    setpoints_refused: int
    auctions: int
    settled: int


class DayProgress(TypedDict):
    """How far a Korean day and each interval of it are."""

    day: str
    statements: int
    batteries_measured: int
    items: list[IntervalProgress]


def progress_of(db: Connection, complex_id: str, day: date) -> DayProgress:
    """Return how far each interval of a trading day is."""
    items: list[IntervalProgress] = [
        {
            "delivery_start": instant_text(counts.delivery_start),
            "forecasts": counts.forecasts,
            "schedules": counts.schedules,
            "setpoints_confirmed": counts.setpoints_confirmed,
            "setpoints_refused": counts.setpoints_refused,
            "auctions": counts.auctions,
            "settled": counts.settled,
        }
        for counts in interval_counts(db, complex_id, day)
    ]
    return {
        "day": day.isoformat(),
        "statements": statements_of(db, complex_id, day),
        "batteries_measured": batteries_measured(db, complex_id),
        "items": items,
    }
