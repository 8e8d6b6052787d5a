"""What a factory states, as it was known when, and what forecasts make of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from services.forecast.domain.load.features import LoadView, calendar_of
from services.forecast.domain.load.plans import ADDED, LEVEL, RESTS, plan_log
from shared.events.records import LoadPlan, PlanKind
from shared.intervals import DAY, INTERVAL, day_start, trading_day_of

MIDNIGHT = datetime(2026, 5, 19, 15, tzinfo=UTC)
NUMBER = int(MIDNIGHT.timestamp()) // 900
TEN = MIDNIGHT + timedelta(hours=10)
DAYS = 28


def a_plan(**changes: object) -> LoadPlan:
    """Return a shutdown of the Korean day of 20 May 2026, from noon on, stated at 10:00."""
    plan = LoadPlan(
        plan_id="p",
        participant_id="plant",
        kind=PlanKind.SHUTDOWN,
        begin=MIDNIGHT + DAY / 2,
        end=MIDNIGHT + DAY,
        stated_at=TEN,
        version=1,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]  # names and kinds are those of the record


def seen(plans: list[LoadPlan], slot: int, at: datetime) -> list[float]:
    """Return what was known at an instant of a quarter hour of the day: level, rest and batches."""
    log = plan_log(plans, NUMBER, 15)
    found: list[float] = log.seen(np.array([slot]), np.array([int(at.timestamp()) // 60]))[0].tolist()
    return found


def test_plan_is_known_from_the_minute_of_its_statement_and_not_before() -> None:
    before, then = (seen([a_plan()], 48, at) for at in (TEN - timedelta(minutes=1), TEN))

    assert np.isnan(before).all()
    assert (then[RESTS], then[ADDED]) == (1.0, 0.0)


def test_statement_within_a_minute_is_known_at_the_next_one() -> None:
    plan = a_plan(stated_at=TEN + timedelta(seconds=1))

    assert np.isnan(seen([plan], 48, TEN)).all()
    assert seen([plan], 48, TEN + timedelta(minutes=1))[RESTS] == 1.0


def test_plan_is_half_open() -> None:
    assert np.isnan(seen([a_plan()], 47, TEN)).all()
    assert seen([a_plan()], 95, TEN)[RESTS] == 1.0
    assert np.isnan(seen([a_plan()], 96, TEN)).all()


def test_later_version_replaces_the_earlier_one_from_then_on() -> None:
    eleven = TEN + timedelta(hours=1)
    shorter = a_plan(version=2, begin=MIDNIGHT + 60 * INTERVAL, expected_w=30_000, stated_at=eleven)
    plans = [shorter, a_plan()]

    # From 12:00 to 15:00 nothing is left of it, from 15:00 on 30 kW run; at 10:59 it was as stated first.
    assert np.isnan(seen(plans, 48, eleven)[LEVEL])
    assert seen(plans, 48, eleven)[RESTS] == 0.0
    assert seen(plans, 60, eleven)[LEVEL] == 30.0
    assert seen(plans, 60, eleven - timedelta(minutes=1))[RESTS] == 1.0


def test_withdrawn_plan_is_none_from_then_on() -> None:
    plans = [a_plan(), a_plan(version=2, stated_at=TEN + timedelta(hours=1), is_withdrawn=True)]

    assert seen(plans, 48, TEN)[RESTS] == 1.0
    assert seen(plans, 48, TEN + timedelta(hours=1))[RESTS] == 0.0


def test_of_overlapping_plans_the_one_stated_last_holds_and_batches_add_up() -> None:
    shift = a_plan(plan_id="shift", kind=PlanKind.SHIFT, expected_w=200_000, stated_at=TEN - timedelta(hours=1))
    batches = [a_plan(plan_id=name, kind=PlanKind.BATCH, expected_w=50_000) for name in ("a", "b")]

    resting, working = seen([shift, a_plan(), *batches], 48, TEN), seen([shift, *batches], 48, TEN)

    assert np.isnan(resting[LEVEL])
    assert (resting[RESTS], resting[ADDED]) == (1.0, 100.0)
    assert (working[LEVEL], working[RESTS], working[ADDED]) == (200.0, 0.0, 100.0)


def test_version_that_was_stated_before_an_older_one_wins_all_the_same() -> None:
    newer = a_plan(version=2, kind=PlanKind.SHIFT, expected_w=80_000, stated_at=TEN - timedelta(hours=1))

    assert seen([a_plan(), newer], 48, TEN)[LEVEL] == 80.0


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"end": MIDNIGHT}, "end must be after begin"),
        ({"end": MIDNIGHT + 40 * DAY}, "by at most 31 days"),
        ({"begin": MIDNIGHT + timedelta(minutes=1)}, "begin must be the start of a quarter hour"),
        ({"kind": PlanKind.BATCH}, "expected_w must be given for a batch"),
    ],
)
def test_plan_that_breaks_a_rule_is_refused(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        a_plan(**changes)


def view(plans: list[LoadPlan], stands: slice = slice(0)) -> LoadView:
    """Return a plant of 40 kW by night and 200 kW from 8 to 18 on every day, that stood still over a slice."""
    days = [trading_day_of(MIDNIGHT - n * DAY) for n in range(DAYS, -2, -1)]
    assert day_start(days[DAYS]) == MIDNIGHT
    slot = np.arange(DAYS * 96) % 96
    kw = np.where((slot >= 32) & (slot < 72), 200.0, 40.0)
    kw[stands] = 40.0
    first = NUMBER - DAYS * 96
    return LoadView(kw, calendar_of(days, frozenset(), 96), 100.0, plan_log(plans, first, 15), first)


def usual_kw(plans: list[LoadPlan], slot: int, stands: slice = slice(0)) -> float:
    """Return what is usual today, as known at midnight."""
    now = np.array([DAYS * 96])
    return float(view(plans, stands).pairs(now, now + slot).usual[0] * 100.0)


def test_factory_that_shuts_down_is_expected_at_its_base_load_or_at_what_it_states() -> None:
    known = {"stated_at": MIDNIGHT}

    assert usual_kw([], 50) == pytest.approx(200.0)
    assert usual_kw([a_plan(**known)], 50) == pytest.approx(40.0)
    assert usual_kw([a_plan(**known, expected_w=25_000)], 50) == pytest.approx(25.0)
    assert usual_kw([a_plan(**known)], 40) == pytest.approx(200.0)
    assert usual_kw([a_plan(**known, kind=PlanKind.BATCH, expected_w=60_000)], 50) == pytest.approx(260.0)
    # Stated at 10:00, it says nothing at midnight.
    assert usual_kw([a_plan()], 50) == pytest.approx(200.0)


def test_day_that_was_stated_to_be_out_of_order_is_not_what_is_usual() -> None:
    yesterday = a_plan(begin=MIDNIGHT - DAY, end=MIDNIGHT, stated_at=MIDNIGHT - 2 * DAY)
    stands = slice((DAYS - 1) * 96, DAYS * 96)

    # Of the last six days of this kind one was at 40 kW: (5 * 200 + 40) / 6 without the word.
    assert usual_kw([], 50, stands) == pytest.approx(173.333, abs=0.001)
    assert usual_kw([yesterday], 50, stands) == pytest.approx(200.0)
