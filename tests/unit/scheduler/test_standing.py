from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from optimizers.tariff.peaks import PricedPeak
from optimizers.tariff.site import SitePrices
from services.scheduler import domain
from services.scheduler.domain import Measured, Outlook, Position, Standing
from shared.complex.model import Bidding, Ess
from shared.intervals import INTERVAL, INTERVALS_PER_DAY

START = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
# 100 kWh, 40 kW, 80 % into the store and 80 % out of it.
ESS = Ess(
    device_id="e",
    capacity_kwh=100,
    charge_kw_max=40,
    discharge_kw_max=40,
    charge_efficiency=0.8,
    discharge_efficiency=0.8,
    soc_min=0.1,
    soc_max=0.9,
    soc_initial=0.5,
)
BIDDING = Bidding(mode="automatic", buy_share=0.75, sell_share=0.25)


def seen(minutes_before: float, soc_kwh: float = 50.0, *, charge_w: int = 0, discharge_w: int = 0) -> Measured:
    return Measured(START - timedelta(minutes=minutes_before), soc_kwh, charge_w=charge_w, discharge_w=discharge_w)


def test_battery_that_follows_is_expected_where_its_set_points_lead() -> None:
    # 6 minutes left at 40 kW: 4 kWh, of which 80 % are stored.
    soc_kwh = domain.soc_kwh_at(START, seen(6, charge_w=40_000), {START - INTERVAL: 40_000}, ESS)

    assert soc_kwh == pytest.approx(53.2)


def test_battery_that_does_not_follow_is_expected_where_it_really_goes() -> None:
    # Told to charge at 40 kW and seen idle: nothing more comes in before the interval.
    assert domain.soc_kwh_at(START, seen(6), {START - INTERVAL: 40_000}, ESS) == 50.0


def test_converter_that_does_not_follow_is_expected_to_follow_the_next_set_point() -> None:
    # Idle instead of 40 kW for the rest of one interval, then 20 kW out for a whole one: 5 kWh, 6.25 from the store.
    told_w = {START - 2 * INTERVAL: 40_000, START - INTERVAL: -20_000}

    assert domain.soc_kwh_at(START, seen(20), told_w, ESS) == pytest.approx(43.75)


@pytest.mark.parametrize(
    ("measured", "told_w", "off_w"),
    [
        (seen(6, charge_w=40_000), 40_000, None),
        (seen(6, charge_w=39_300), 40_000, None),  # 1.75 % of its rating
        (seen(6), 40_000, -40_000),
        (seen(6, discharge_w=10_000), 40_000, -50_000),
        (seen(6, charge_w=20_000), 0, 20_000),
        (seen(14), 40_000, None),  # a minute into the interval it may not have begun
        (seen(6, 89.0, charge_w=5_000), 40_000, None),  # full
        (seen(6, 11.0, discharge_w=5_000), -40_000, None),  # empty
        (seen(6, 89.0, discharge_w=5_000), 40_000, -45_000),  # full, but going the other way
    ],
)
def test_converter_is_off_its_set_point_unless_it_follows_or_can_not(
    measured: Measured, told_w: int, off_w: int | None
) -> None:
    assert domain.deviation_w(measured, told_w, ESS) == off_w


def test_known_peaks_are_the_higher_of_contract_and_meter() -> None:
    # 60 kWh in a quarter hour are 240 kW.
    found = domain.known_peaks_kw({"2026-02": 300.0, "2026-05": 100.0}, {"2026-05": 60_000})

    assert found == {"2026-02": 300.0, "2026-05": 240.0}


def test_trades_of_the_first_interval_are_fixed_in_the_case() -> None:
    nothing = np.zeros(INTERVALS_PER_DAY)
    prices = SitePrices(np.full(INTERVALS_PER_DAY, 15_000), np.full(INTERVALS_PER_DAY, 9_000))
    peak = PricedPeak(
        charge_krw_per_kw=8_320.0, prior_peak_kw=30.0, counts=np.ones(INTERVALS_PER_DAY, bool), months=("2026-05",)
    )
    standing = Standing(soc_kwh=50.0, power_w=-12_000, position=Position(bought_wh=5_000, sold_wh=0), peaks=[peak])

    case = domain.ess_case(ESS, Outlook(load=domain.certain(nothing), pv=domain.certain(nothing)), prices, standing)

    assert case.bought_kw is not None
    # 5 kWh in a quarter hour.
    assert case.bought_kw[:2].tolist() == [20.0, 0.0]
    assert (case.demand_charge_krw_per_kw, case.prior_peak_kw) == (8_320.0, 30.0)
    assert (case.charge_kw_before, case.discharge_kw_before) == (0.0, 12.0)
