"""Intervals as whole numbers: interval n is [15 min x n, 15 min x (n + 1)) since 1970-01-01T00:00Z."""

from datetime import UTC, datetime, timedelta

from shared.intervals import INTERVAL

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number_of(instant: datetime) -> int:
    """Return the number of the interval that an aware instant lies in."""
    return (instant - _EPOCH) // INTERVAL


def start_of(number: int) -> datetime:
    """Return the instant at which an interval starts."""
    return _EPOCH + number * INTERVAL


def start_of_period(instant: datetime, length: timedelta) -> datetime:
    """Return where the period of some length, counted from 1970, begins that an aware instant lies in."""
    return instant - (instant - _EPOCH) % length


def epoch_s(instant: datetime) -> int:
    """Return the whole seconds since 1970 at an aware instant."""
    return (instant - _EPOCH) // timedelta(seconds=1)


def elapsed_us(instant: datetime) -> int:
    """Return how many microseconds of its interval have passed at an aware instant."""
    return (instant - _EPOCH) % INTERVAL // timedelta(microseconds=1)


def epoch_us(instant: datetime) -> int:
    """Return the microseconds since 1970 at an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)
