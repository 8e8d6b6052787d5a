"""All sites of a kind at once: learning from one another, judging on days held back, and forecasting together."""

import json

import numpy as np
import pytest

from services.forecast.domain.climatology import Distribution
from services.forecast.domain.learning import multi_site
from services.forecast.domain.learning.model import ROOF
from services.forecast.domain.learning.multi_site import Factories, RoofSites
from services.forecast.domain.load.features import SiteDays

DAYS, DAY = 26, 96
AHEAD = 2 * DAY
CAPACITY_KW = np.array([100.0, 400.0])


def roofs() -> RoofSites:
    """Return a small and a large roof under the same made-up clouds; the sun is up from 6 to 18."""
    slot = np.arange((DAYS + 2) * DAY) % DAY
    height = np.maximum(np.sin((slot - 24) / 48 * np.pi), 0.0)
    clear_kw = height[:, None] * CAPACITY_KW
    clouds = np.clip(0.6 + 0.25 * _lasting(0.97), 0.05, 1.0)
    return RoofSites(
        kw=(clouds[:, None] * clear_kw[: DAYS * DAY]),
        clear_kw=clear_kw,
        elevation_deg=60.0 * height,
        capacity_kw_ac=CAPACITY_KW,
    )


def factories() -> Factories:
    load = np.maximum(300 + 100 * _lasting(0.98), 5.0)
    days = np.arange((DAYS + 2) * DAY) // DAY
    calendar = SiteDays(
        day=days,
        slot=np.arange((DAYS + 2) * DAY) % DAY,
        weekday=np.arange(DAYS + 2) % 7,
        kind=np.zeros(DAYS + 2, dtype=np.int64),
    )
    return Factories(np.column_stack([load, 3 * load]), calendar, np.array([300.0, 900.0]))


def _lasting(share: float) -> np.ndarray:
    random = np.random.default_rng(5)
    series = np.zeros(DAYS * DAY)
    for n in range(1, len(series)):
        series[n] = share * series[n - 1] + np.sqrt(1 - share**2) * random.normal()
    return series


@pytest.fixture(scope="module")
def of_roofs() -> multi_site.Trained:
    found = multi_site.learned(roofs())
    assert found is not None
    return multi_site.tried(roofs(), found)[0]


def test_forecasts_are_ordered_bounded_and_dark_at_night(of_roofs: multi_site.Trained) -> None:
    issued = multi_site.issued(roofs(), of_roofs, DAY)

    assert issued.p50.shape == (DAY, 2)
    assert (issued.p10 >= 0).all()
    assert (issued.p10 <= issued.p50).all()
    assert (issued.p50 <= issued.p90).all()
    assert (issued.p90 <= CAPACITY_KW).all()
    assert (issued.p90[:24] == 0).all()
    assert (issued.p50[40:56] > 0).all()


def test_roof_that_was_never_metered_is_forecast_like_its_neighbour(of_roofs: multi_site.Trained) -> None:
    known = roofs()
    new = RoofSites(known.kw.copy(), known.clear_kw, known.elevation_deg, known.capacity_kw_ac)
    new.kw[:, 1] = np.nan

    issued = multi_site.issued(new, of_roofs, DAY)

    assert issued.p50[:, 1] == pytest.approx(4 * issued.p50[:, 0], rel=1e-6)


def test_model_that_was_written_and_read_forecasts_the_same(of_roofs: multi_site.Trained) -> None:
    read = multi_site.trained_of(json.loads(json.dumps(of_roofs.as_json())), ROOF)

    again, before = multi_site.issued(roofs(), read, DAY), multi_site.issued(roofs(), of_roofs, DAY)
    for part, same in zip(again.parts, before.parts, strict=True):
        assert np.array_equal(part, same)


def test_ranges_hold_what_they_promise_on_what_comes_later() -> None:
    known = factories()
    issued_until = (DAYS - 3) * DAY
    past = Factories(known.kw[:issued_until], known.calendar, known.usual_kw)
    found = multi_site.learned(past)
    assert found is not None
    trained, _ = multi_site.tried(past, found)

    inside = []
    for now in range(issued_until, DAYS * DAY - 16, 4):
        issued = multi_site.issued(Factories(known.kw[:now], known.calendar, known.usual_kw), trained, 16)
        came = known.kw[now : now + 16]
        inside.append((issued.p10 <= came) & (came <= issued.p90))

    # Three days of two factories that move together: far fewer samples than rows.
    assert 0.65 <= float(np.mean(inside)) <= 0.93


@pytest.mark.parametrize(("seasonal_loss", "serves"), [(0.0, False), (np.inf, True)])
def test_new_model_serves_only_where_it_did_better(seasonal_loss: float, *, serves: bool) -> None:
    verdict = multi_site.judged(factories(), None, seasonal_loss)

    assert (verdict.serving is not None) is serves
    assert verdict.is_new is serves
    assert verdict.new_loss is not None
    assert verdict.new_loss > 0


def test_too_short_a_history_teaches_nothing() -> None:
    known = factories()
    short = Factories(known.kw[: 20 * DAY], known.calendar, known.usual_kw)

    verdict = multi_site.judged(short, None, np.inf)

    assert (verdict.serving, verdict.new_loss) == (None, None)


def test_seasonal_forecaster_is_asked_only_for_what_it_could_know() -> None:
    known = factories()
    asked: list[int] = []

    def as_it_came(now: int) -> Distribution:
        asked.append(now)
        ahead = known.kw[now : now + DAY]
        padded = np.vstack([ahead, np.zeros((DAY - len(ahead), 2))])
        return Distribution(padded, padded, padded, padded)

    assert multi_site.loss_of(known, as_it_came) == pytest.approx(0.0)
    assert asked == list(range((DAYS - 4) * DAY, DAYS * DAY, 4))
