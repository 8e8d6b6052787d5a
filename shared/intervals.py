"""Delivery intervals and trading days: half-open, named by their start, UTC inside, Korean days at the border."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

INTERVAL = timedelta(minutes=15)
INTERVAL_MINUTES = INTERVAL // timedelta(minutes=1)
INTERVAL_S = INTERVAL // timedelta(seconds=1)
INTERVALS_PER_HOUR = timedelta(hours=1) // INTERVAL
INTERVALS_PER_DAY = 96
INTERVALS_PER_WEEK = 7 * INTERVALS_PER_DAY
SECONDS_PER_DAY = INTERVALS_PER_DAY * INTERVAL_S
DAY = INTERVALS_PER_DAY * INTERVAL  # Korea has no daylight saving time.
KST = ZoneInfo("Asia/Seoul")


def interval_of(instant: datetime) -> datetime:
    """Return the start of the delivery interval that an aware instant lies in."""
    utc = instant.astimezone(UTC)
    return utc.replace(minute=utc.minute - utc.minute % 15, second=0, microsecond=0)


def is_delivery_start(instant: datetime) -> bool:
    """Say whether an aware instant is the start of a delivery interval."""
    return interval_of(instant) == instant


def next_in_interval(offset: timedelta, now: datetime) -> datetime:
    """Return the first instant after `now` that lies `offset` after a delivery start (below 0: before one)."""
    return interval_of(now - offset) + INTERVAL + offset


def trading_day_of(instant: datetime) -> date:
    """Return the Korean calendar day that an aware instant lies in."""
    return instant.astimezone(KST).date()


def day_start(day: date) -> datetime:
    """Return the UTC instant at which a Korean day begins."""
    return datetime.combine(day, time(), tzinfo=KST).astimezone(UTC)


def delivery_starts(day: date) -> list[datetime]:
    """Return the 96 delivery intervals of a Korean day, in order."""
    first = day_start(day)
    return [first + n * INTERVAL for n in range(INTERVALS_PER_DAY)]


def day_ahead_gate(gate: timedelta, day: date) -> datetime:
    """Return the instant before which orders for a Korean day are stamped; `gate` counts from midnight before it."""
    return day_start(day) - DAY + gate


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """Return the UTC instants at which a Korean month (YYYY-MM) begins, and at which the next one does."""
    first = date.fromisoformat(f"{month}-01")
    return day_start(first), day_start(date(first.year + first.month // 12, first.month % 12 + 1, 1))
