"""All sites of a kind at once: learning from one another week by week, judging on later days, forecasting together."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from services.forecast.domain.climatology import Distribution
from services.forecast.domain.learning import selection
from services.forecast.domain.learning.model import ROOF
from services.forecast.domain.learning.multi_site import Factories, MultiSite, RoofSites
from services.forecast.domain.learning.selection import Selection, Trained, Weeks
from services.forecast.domain.learning.training_set import WeatherOutlook
from services.forecast.domain.load.plans import NO_PLANS
from services.forecast.domain.metered.timeline import NEVER, SiteDays, Timeline, WeatherLog
from shared.arrays import Floats

DAYS, DAY = 28, 96
# A Thursday; of 28 days the Mondays are 4, 11, 18 and 25.
FIRST = 0
CAPACITY_KW = np.array([100.0, 400.0])
NOTHING = WeatherOutlook(WeatherLog(), FIRST, 15)


def timelines(kw: Floats) -> tuple[Timeline, ...]:
    return tuple(Timeline(FIRST, 15, one, np.full(len(one), NEVER)) for one in kw.T)


def calendar(days: int) -> SiteDays:
    return SiteDays(
        day=np.arange(days * DAY) // DAY,
        slot=np.arange(days * DAY) % DAY,
        weekday=(np.arange(days) + 3) % 7,
        kind=np.zeros(days, dtype=np.int64),
        slots=DAY,
    )


def roofs(days: int = DAYS) -> RoofSites:
    """Return a small and a large roof under the same made-up clouds; the sun is up from 6 to 18."""
    slot = np.arange((DAYS + 2) * DAY) % DAY
    height = np.maximum(np.sin((slot - 24) / 48 * np.pi), 0.0)
    clear_kw = height[:, None] * CAPACITY_KW
    clouds = np.clip(0.6 + 0.25 * _lasting(0.97), 0.05, 1.0)
    return RoofSites(
        timelines=timelines((clouds[:, None] * clear_kw[: DAYS * DAY])[: days * DAY]),
        calendar=calendar(DAYS + 2),
        clear_kw=clear_kw,
        elevation_deg=60.0 * height,
        capacity_kw_ac=CAPACITY_KW,
        weather=NOTHING,
    )


def factories(intervals: int = DAYS * DAY) -> Factories:
    load = np.maximum(300 + 100 * _lasting(0.98), 5.0)[:intervals]
    kw = np.column_stack([load, 3 * load])
    return Factories(timelines(kw), calendar(DAYS + 2), np.array([1000.0, 3000.0]), NOTHING, (NO_PLANS, NO_PLANS))


def _lasting(share: float) -> Floats:
    random = np.random.default_rng(5)
    series = np.zeros(DAYS * DAY)
    for n in range(1, len(series)):
        series[n] = share * series[n - 1] + np.sqrt(1 - share**2) * random.normal()
    return series


def as_is(sites: MultiSite, number: int) -> MultiSite:  # noqa: ARG001 -- all models see the same days
    return sites


def selected(sites: MultiSite, day: int) -> Selection:
    return Weeks().select(partial(as_is, sites), day * DAY)


def trained_on(sites: MultiSite, day: int = DAYS) -> Trained:
    newest = selected(sites, day).newest
    assert newest is not None
    return newest


def day_ahead(sites: MultiSite, trained: Trained, now: int, steps: int = DAY) -> Distribution:
    at = np.array([now])
    return selection.issued(sites, trained, now - now % DAY, at, at, steps)


@pytest.fixture(scope="module")
def of_roofs() -> Trained:
    return trained_on(roofs())


def test_forecasts_are_ordered_bounded_and_dark_at_night(of_roofs: Trained) -> None:
    issued = day_ahead(roofs(), of_roofs, DAYS * DAY)

    assert issued.p50.shape == (DAY, 2)
    assert (issued.p10 >= 0).all()
    assert (issued.p10 <= issued.p50).all()
    assert (issued.p50 <= issued.p90).all()
    assert (issued.p90 <= CAPACITY_KW).all()
    assert (issued.p90[:24] == 0).all()
    assert (issued.p50[40:56] > 0).all()


def test_roof_that_was_never_metered_is_forecast_like_its_neighbour(of_roofs: Trained) -> None:
    known = roofs()
    never = replace(known.timelines[1], kw=np.full(DAYS * DAY, np.nan))
    new = replace(known, timelines=(known.timelines[0], never))

    issued = day_ahead(new, of_roofs.for_sites([0, 0]), DAYS * DAY)

    assert issued.p50[:, 1] == pytest.approx(4 * issued.p50[:, 0], rel=1e-6)
    assert issued.p90[:, 1] == pytest.approx(4 * issued.p90[:, 0], rel=1e-6)


def test_model_that_was_written_and_read_forecasts_the_same(of_roofs: Trained) -> None:
    read = selection.trained_of(json.loads(json.dumps(of_roofs.as_json())), ROOF)

    again, before = (day_ahead(roofs(), one, DAYS * DAY) for one in (read, of_roofs))
    for part, same in zip(again.parts, before.parts, strict=True):
        assert np.array_equal(part, same)


def test_ranges_hold_what_they_promise_on_what_comes_later() -> None:
    known = factories()
    trained = trained_on(factories((DAYS - 3) * DAY), DAYS - 3)

    inside = []
    for now in range((DAYS - 3) * DAY, DAYS * DAY - 16, 4):
        issued = day_ahead(factories(now), trained, now, 16)
        came = np.column_stack([one.kw[now : now + 16] for one in known.timelines])
        inside.append((issued.p10 <= came) & (came <= issued.p90))

    # Three days of two factories that move together: far fewer samples than rows.
    assert 0.65 <= float(np.mean(inside)) <= 0.93


def test_days_learned_one_by_one_select_as_all_at_once() -> None:
    one_by_one = Weeks()

    for day in range(20, DAYS):
        sites = factories(day * DAY)
        found = one_by_one.select(partial(as_is, sites), day * DAY)
    at_once = selected(factories((DAYS - 1) * DAY), DAYS - 1)

    assert found.newest is not None
    assert at_once.newest is not None
    assert found.newest.as_json() == at_once.newest.as_json()
    assert found.relative_loss == at_once.relative_loss


def test_reading_that_was_corrected_is_learned_from() -> None:
    weeks = Weeks()
    before = weeks.select(partial(as_is, factories()), DAYS * DAY).newest
    corrected = factories()
    corrected.timelines[0].kw[5 * DAY : 6 * DAY] = 1.0

    after = weeks.select(partial(as_is, corrected), DAYS * DAY).newest

    assert before is not None
    assert after is not None
    assert after.inputs != before.inputs
    assert after.as_json() == trained_on(corrected).as_json()


@pytest.mark.parametrize(("seasonal_loss", "serves"), [(0.5, False), (0.96, True), (2.0, True)])
def test_models_serve_unless_the_season_did_clearly_better(
    of_roofs: Trained, seasonal_loss: float, *, serves: bool
) -> None:
    verdict = Selection(of_roofs, np.array([1.0, np.nan]), np.array([seasonal_loss, 1.0]))

    assert (verdict.serving is not None) is serves


def test_range_of_leads_counts_as_much_as_another() -> None:
    # Near by a tenth of the season's loss, far ahead, where losses are large, a little more than the season's.
    verdict = Selection(None, np.array([0.01, 1.1]), np.array([0.1, 1.0]))

    # The root of a tenth times 1.1.
    assert verdict.relative_loss == pytest.approx(0.33166, abs=1e-5)


@pytest.mark.parametrize(("days", "is_learned"), [(17, False), (18, False), (19, True)])
def test_too_short_a_history_teaches_nothing(days: int, *, is_learned: bool) -> None:
    # Of the Mondays 11 and 18 only the later one has 12 days before it.
    found = selected(factories(days * DAY), days)

    assert (found.newest is not None) is (is_learned or days == 18)
    # It serves only when models were tried on eight days.
    assert found.serving is None
