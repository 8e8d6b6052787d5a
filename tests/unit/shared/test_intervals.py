from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.intervals import INTERVAL, KST, day_start, delivery_starts, interval_of, is_delivery_start, trading_day_of

INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis adds the zone


def test_an_instant_belongs_to_the_interval_that_began_last() -> None:
    assert interval_of(datetime(2026, 5, 20, 3, 14, 59, 999_999, UTC)) == datetime(2026, 5, 20, 3, 0, tzinfo=UTC)
    assert interval_of(datetime(2026, 5, 20, 3, 15, tzinfo=UTC)) == datetime(2026, 5, 20, 3, 15, tzinfo=UTC)


def test_an_interval_is_the_same_seen_from_any_zone() -> None:
    # 12:07 in Korea and 05:07 in a zone five and a half hours behind Greenwich's quarter hours are the same instant.
    assert interval_of(datetime(2026, 5, 20, 12, 7, tzinfo=KST)) == datetime(2026, 5, 20, 3, 0, tzinfo=UTC)
    nepal = timezone(timedelta(hours=5, minutes=45))
    assert interval_of(datetime(2026, 5, 20, 8, 52, tzinfo=nepal)) == datetime(2026, 5, 20, 3, 0, tzinfo=UTC)


@given(INSTANTS)
def test_intervals_are_half_open_and_leave_no_gap(instant: datetime) -> None:
    start = interval_of(instant)

    assert start <= instant < start + INTERVAL
    assert is_delivery_start(start)
    assert is_delivery_start(instant) == (instant == start)


@given(INSTANTS)
def test_every_instant_is_in_one_of_the_96_intervals_of_its_korean_day(instant: datetime) -> None:
    starts = delivery_starts(trading_day_of(instant))

    assert interval_of(instant) in starts
    assert len(starts) == 96
    assert starts[-1] + INTERVAL == day_start(trading_day_of(instant) + timedelta(days=1))


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 5, 19, 15, 0, tzinfo=UTC), date(2026, 5, 20)),  # midnight in Korea
        (datetime(2026, 5, 19, 14, 59, 59, tzinfo=UTC), date(2026, 5, 19)),
    ],
)
def test_a_trading_day_begins_at_midnight_in_korea(instant: datetime, day: date) -> None:
    assert trading_day_of(instant) == day
    assert day_start(date(2026, 5, 20)) == datetime(2026, 5, 19, 15, 0, tzinfo=UTC)
