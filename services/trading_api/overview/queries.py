"""A trading day in numbers, counted by delivery."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.batteries.tables import SCHEDULE, SETPOINT
from services.trading_api.billing.tables import SETTLED_INTERVAL, STATEMENT
from services.trading_api.db.sql import Query, rows_of
from services.trading_api.forecasts.tables import FORECAST
from services.trading_api.market.tables import AUCTION, TRADE
from services.trading_api.metering.tables import DEVICE, IGNORED_READING, READING
from services.trading_api.operation.tables import DEAD_LETTER
from services.trading_api.orders.tables import ORDER, OUTCOME
from shared.events.deadletters import UNKNOWN_COMPLEX
from shared.intervals import DAY, day_start, delivery_starts

LATE_ORDERS = ("gate_closed", "auction_over")
LATE_SETPOINTS = ("expired", "out_of_order")
# A day's first orders and its last settlement lie outside of it; dead letters of that time are the day's as well.
MARGIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCounts:
    """A Korean day's counts and sums, each under the name that it has in the report."""

    intervals: int
    readings: int
    forecasts: int
    schedules: int
    setpoints_confirmed: int
    orders: int
    auctions_cleared: int
    trades: int
    traded_wh: int
    traded_jeon_wh_per_kwh: int
    ledger_entries: int
    ledger_sum_krw: int
    intervals_settled: int
    statements: int
    late_events: int
    dead_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalCounts:
    """What has been heard so far of one delivery interval."""

    delivery_start: datetime
    forecasts: int
    schedules: int
    setpoints_confirmed: int
    setpoints_refused: int
    auctions: int
    settled: int


def day_counts(db: Connection, complex_id: str, day: date) -> DayCounts:
    """Return a Korean day's counts and sums."""
    count = _Count(db, complex_id, day_start(day), day_start(day) + DAY)
    volumes = count.sums(AUCTION, "delivery_start", volume_wh=AUCTION.c.volume_wh)
    priced = count.sums(
        AUCTION, "delivery_start", jeon_wh=AUCTION.c.volume_wh * sa.func.coalesce(AUCTION.c.price_jeon_per_kwh, 0)
    )
    ledger = count.sums(
        SETTLED_INTERVAL,
        "delivery_start",
        entries=SETTLED_INTERVAL.c.ledger_entries,
        sum_krw=SETTLED_INTERVAL.c.ledger_sum_krw,
    )
    late = (
        count.rows(OUTCOME, "delivery_start", OUTCOME.c.reason.in_(LATE_ORDERS))
        + count.rows(SETPOINT, "delivery_start", SETPOINT.c.reason.in_(LATE_SETPOINTS))
        + count.rows(IGNORED_READING, "delivery_start")
    )
    return DayCounts(
        intervals=count.intervals(READING),
        readings=count.rows(READING, "delivery_start"),
        forecasts=count.rows(FORECAST, "first_delivery_start"),
        schedules=count.rows(SCHEDULE, "first_delivery_start"),
        setpoints_confirmed=count.rows(SETPOINT, "delivery_start", SETPOINT.c.status == "confirmed"),
        orders=count.rows(ORDER, "delivery_start"),
        auctions_cleared=count.rows(AUCTION, "delivery_start", AUCTION.c.status == "cleared"),
        trades=count.rows(TRADE, "delivery_start"),
        traded_wh=int(volumes["volume_wh"]),
        traded_jeon_wh_per_kwh=int(priced["jeon_wh"]),
        ledger_entries=int(ledger["entries"]),
        ledger_sum_krw=int(ledger["sum_krw"]),
        intervals_settled=count.rows(SETTLED_INTERVAL, "delivery_start"),
        statements=statements_of(db, complex_id, day),
        late_events=late,
        dead_letters=_dead_letters(db, complex_id, count.first - MARGIN, count.end + MARGIN),
    )


def batteries_measured(db: Connection, complex_id: str) -> int:
    """Return how many batteries have ever told their state."""
    query = sa.select(sa.func.count()).where(DEVICE.c.complex_id == complex_id, DEVICE.c.soc_wh.is_not(None))
    return db.scalar(query) or 0


def interval_counts(db: Connection, complex_id: str, day: date) -> list[IntervalCounts]:
    """Return what has been heard so far of each interval of a Korean day, in order."""
    first = day_start(day)
    count = _Count(db, complex_id, first, first + DAY)
    forecasts = count.by_interval(FORECAST, "first_delivery_start")
    schedules = count.by_interval(SCHEDULE, "first_delivery_start")
    confirmed = count.by_interval(SETPOINT, "delivery_start", SETPOINT.c.status == "confirmed")
    refused = count.by_interval(SETPOINT, "delivery_start", SETPOINT.c.status == "refused")
    auctions = count.by_interval(AUCTION, "delivery_start")
    settled = count.by_interval(SETTLED_INTERVAL, "delivery_start")
    return [
        IntervalCounts(
            delivery_start=start,
            forecasts=forecasts[start],
            schedules=schedules[start],
            setpoints_confirmed=confirmed[start],
            setpoints_refused=refused[start],
            auctions=auctions[start],
            settled=settled[start],
        )
        for start in delivery_starts(day)
    ]


class _Count:
    """Counting in the rows of one complex between two instants."""

    def __init__(self, db: Connection, complex_id: str, first: datetime, end: datetime) -> None:
        self._db = db
        self._complex_id = complex_id
        self.first = first
        self.end = end

    def rows(self, table: sa.Table, by: str, condition: sa.ColumnElement[bool] | None = None) -> int:
        query = self._within(sa.select(sa.func.count()), table, by)
        return self._db.scalar(query if condition is None else query.where(condition)) or 0

    def by_interval(
        self, table: sa.Table, by: str, condition: sa.ColumnElement[bool] | None = None
    ) -> Counter[datetime]:
        start = table.c[by].label("start")
        query = self._within(sa.select(start, sa.func.count().label("number")), table, by).group_by(start)
        counted = rows_of(self._db, query if condition is None else query.where(condition))
        return Counter({row["start"]: row["number"] for row in counted})

    def intervals(self, table: sa.Table) -> int:
        different = sa.func.count(sa.distinct(table.c.delivery_start))
        return self._db.scalar(self._within(sa.select(different), table, "delivery_start")) or 0

    def sums(self, table: sa.Table, by: str, **terms: sa.ColumnElement[int]) -> RowMapping:
        columns: list[sa.ColumnElement[int]] = [
            sa.func.coalesce(sa.func.sum(term), 0).label(name) for name, term in terms.items()
        ]
        return self._db.execute(self._within(sa.select().add_columns(*columns), table, by)).mappings().one()

    def _within(self, query: Query, table: sa.Table, by: str) -> Query:
        start = table.c[by]
        return query.where(table.c.complex_id == self._complex_id, start >= self.first, start < self.end)


def statements_of(db: Connection, complex_id: str, day: date) -> int:
    """Return how many statements of a Korean day there are."""
    query = sa.select(sa.func.count()).where(STATEMENT.c.complex_id == complex_id, STATEMENT.c.trading_day == day)
    return db.scalar(query) or 0


def _dead_letters(db: Connection, complex_id: str, first: datetime, end: datetime) -> int:
    letters = DEAD_LETTER.c
    query = sa.select(sa.func.count()).where(
        # A letter whose complex can't be told may be anyone's, so everyone sees it.
        letters.complex_id.in_((complex_id, UNKNOWN_COMPLEX)),
        letters.set_aside_at >= first,
        letters.set_aside_at < end,
    )
    return db.scalar(query) or 0
