"""When the day-ahead auction of a day closes."""

from datetime import date, datetime, timedelta
from typing import Final

from shared.intervals import day_start

DAY: Final = timedelta(days=1)


def day_ahead_gate(gate: timedelta, day: date) -> datetime:
    """Return the instant before which orders for a Korean day are stamped; `gate` counts from midnight before it."""
    return day_start(day) - DAY + gate
