"""How good forecasts were: a factory sees its own beside all together, and in words where the reference was better."""

from collections.abc import Callable
from typing import Any

from selenium import webdriver

from shared.events.forecast import AccuracyMeasured, ForecastKind, LeadAccuracy, SiteAccuracy
from tests.browser.pages import shows, text
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, ApiBench

WEEK_BEFORE = "“as a week ago” was better"


def a_lead(lead_hours: str, skill: float) -> LeadAccuracy:
    shares: dict[str, Any] = {"nmae": 0.1, "rmse_kw": 5.0, "pinball_kw": 1.0, "coverage": 0.8}
    return LeadAccuracy(lead_hours=lead_hours, forecasts=96, skill_mae=skill, skill_rmse=skill, **shares)


def measured(kind: ForecastKind, bench: ApiBench, *, own: float, of_all: float) -> AccuracyMeasured:
    site_id = "hanbit-roof" if kind is ForecastKind.PV else HANBIT
    sites = (
        SiteAccuracy(site_id=None, participant_id=None, is_drifting=False, leads=(a_lead("0-1", of_all),)),
        SiteAccuracy(site_id=site_id, participant_id=HANBIT, is_drifting=False, leads=(a_lead("0-1", own),)),
    )
    return AccuracyMeasured(complex_id=COMPLEX, kind=kind, measured_at=bench.clock.now(), days=3, sites=sites)


def test_a_factory_sees_its_own_and_why_a_figure_is_below_zero(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    bench.give(measured(ForecastKind.LOAD, bench, own=-0.2, of_all=0.3))

    opened("hanbit")

    shows(browser, "accuracy", "Loads, own")
    shows(browser, "accuracy-why", WEEK_BEFORE)
    # What comes meanwhile is heard.
    bench.give(measured(ForecastKind.PV, bench, own=0.1, of_all=-0.4))
    shows(browser, "accuracy", "own (hanbit-roof)")
    shows(browser, "accuracy-why", "“the sky stays as it is” was better")


def test_the_operator_sees_all_together_alone(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    bench.give(measured(ForecastKind.LOAD, bench, own=-0.2, of_all=0.3))

    opened("operator")

    shows(browser, "accuracy", "30.0%")
    assert "own" not in text(browser, "accuracy")
    assert text(browser, "accuracy-why") == ""
