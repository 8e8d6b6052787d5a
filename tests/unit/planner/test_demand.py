"""Batteries in a study are planned with the demand charge and the past peaks: worked examples, and a law."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog  # type: ignore[import-untyped]  # scipy brings no types

from services.planner.domain.evaluation import evaluate
from services.planner.domain.scenarios import Scenario
from services.planner.domain.sites import SiteDay
from services.planner.domain.tariffs import DayTariff, day_tariff
from shared.complex.contract import GridContract
from shared.complex.model import Ess
from shared.errors import BadInput
from shared.intervals import INTERVALS_PER_DAY
from shared.reference.load import sell_back, tariff_book

# A Wednesday.
WINTER = date(2026, 1, 14)
SMALL = GridContract(tariff_class="industrial_gap_2", voltage="HV_A", option="II", contract_kw=250)
LARGE = GridContract(
    tariff_class="industrial_eul",
    voltage="HV_A",
    option="II",
    contract_kw=1000,
    past_peaks_kw={"2025-07": 900, "2025-08": 880, "2025-12": 700},
)
SCALES = (0.0, 0.5, 1.0, 2.0)


def a_battery(capacity_kwh: float, power_kw: float, **changes: float) -> Ess:
    return Ess(
        device_id="ess",
        capacity_kwh=capacity_kwh,
        charge_kw_max=power_kw,
        discharge_kw_max=power_kw,
        charge_efficiency=0.96,
        discharge_efficiency=0.96,
        soc_min=0.1,
        soc_max=0.9,
        soc_initial=0.4,
        cycle_cost_krw_per_kwh=changes.pop("cycle_cost_krw_per_kwh", 5),
        **changes,
    )


def a_tariff(contract: GridContract, day: date = WINTER) -> DayTariff:
    return day_tariff(tariff_book(), sell_back(), contract, option=None, day=day)


def costs_krw(load_kw: float, contract: GridContract, ess: Ess) -> list[int]:
    site = SiteDay(
        participant_id="p",
        load_kw=np.full(INTERVALS_PER_DAY, load_kw),
        pv_kw=np.zeros(INTERVALS_PER_DAY),
        batteries=(ess,),
        tariffs={"as-is": a_tariff(contract)},
    )
    return [one.cost_krw for one in evaluate(site, [Scenario(scale, 1.0, "as-is") for scale in SCALES])]


def least_krw(load_kw: float, tariff: DayTariff, ess: Ess, scale: float) -> float:
    """Return the least bill of a level load that never exports, as a plain LP over charge, discharge and the peak."""
    n, hours = INTERVALS_PER_DAY, 0.25
    base_krw_per_kw = float(tariff.base_jeon_per_kw) / 100
    prior_kw = 0.0 if tariff.peak is None else tariff.peak.prior_peak_kw
    price = tariff.import_jeon_per_kwh / 100 * hours
    capacity_kwh, power_kw = scale * ess.capacity_kwh, scale * ess.charge_kw_max
    stored = np.hstack([0.96 * np.tri(n), -np.tri(n) / 0.96]) * hours
    flows = np.hstack([np.eye(n), -np.eye(n)])
    rows = [
        np.hstack([stored, np.zeros((n, 1))]),  # at most 0.9 of the capacity, from 0.4
        np.hstack([-stored, np.zeros((n, 1))]),  # at least 0.1 of it
        np.hstack([-stored[-1:], np.zeros((1, 1))]),  # as full at the end
        np.hstack([-flows, np.zeros((n, 1))]),  # no export
        np.hstack([flows, -np.ones((n, 1))])[tariff.sets_demand],  # the peak
    ]
    limits = [0.5 * capacity_kwh] * n + [0.3 * capacity_kwh] * n + [0.0] + [load_kw] * n
    limits += [-load_kw] * int(tariff.sets_demand.sum())
    found = linprog(
        np.hstack([price, -price, base_krw_per_kw]),
        A_ub=np.vstack(rows),
        b_ub=limits,
        bounds=[(0, power_kw)] * (2 * n) + [(prior_kw, None)],
    )
    return float(found.fun + load_kw * price.sum())


def test_battery_does_not_pay_for_its_energy_with_a_higher_peak() -> None:
    ess = a_battery(400, 100)

    found = costs_krw(100, SMALL, ess)

    # Without: 10 h at 98.2, 8 h at 115.1 and 6 h at 144.5, 100 kW: 276,980; and 100 kW x 7,470 / 31 = 24,096.8.
    assert found[0] == 301_077
    assert found[1:] == [295_185, 289_293, 277_618]
    for scale, cost_krw in zip(SCALES, found, strict=True):
        assert cost_krw == pytest.approx(least_krw(100, a_tariff(SMALL), ess, scale), abs=0.51)


def test_past_peaks_of_the_contract_are_billed_and_free_what_lies_below_them() -> None:
    ess = a_battery(1000, 250)

    found = costs_krw(300, LARGE, ess)

    # 300 kW x (10 x 117.9 + 8 x 164.0 + 6 x 221.5) = 1,146,000; July's 900 kW x 8,320 / 31 = 241,548.4.
    assert found[0] == 1_387_548
    # Charging in the mid hours before a peak no longer sets a demand.
    assert found[2] == 1_283_809
    assert found[2] == pytest.approx(least_krw(300, a_tariff(LARGE), ess, 1.0), abs=0.51)


def test_peak_that_the_contract_tells_of_the_running_month_counts_too() -> None:
    contract = SMALL.model_copy(update={"past_peaks_kw": (("2026-01", 140.0),)})

    # 276,980 as above; 140 kW x 7,470 / 31 = 33,735.5.
    assert costs_krw(100, contract, a_battery(400, 100))[0] == 276_980 + 33_735
    # Of the months before, those of the ratchet alone, and none that came later.
    for month in ("2025-10", "2024-12", "2026-02"):
        later = SMALL.model_copy(update={"past_peaks_kw": ((month, 140.0),)})
        assert costs_krw(100, later, a_battery(400, 100))[0] == 301_077


def test_contract_that_is_billed_on_its_power_has_no_peak_to_shave() -> None:
    contract = GridContract(tariff_class="industrial_gap_1", voltage="low", option="-", contract_kw=100)

    tariff = a_tariff(contract)

    assert tariff.peak is None
    # 24 h x 50 kW at 114.5 and 100 kW x 5,550 / 31 = 17,903.2.
    assert costs_krw(50, contract, a_battery(100, 50))[0] == 137_400 + 17_903


@given(
    level=st.floats(0.05, 0.9),
    noise=st.integers(0, 1_000),
    hours=st.floats(0.5, 5),
    month=st.integers(1, 12),
    contract=st.sampled_from([SMALL, LARGE]),
    past_kw=st.none() | st.floats(0, 1_200),
)
@settings(max_examples=6, deadline=None)
def test_larger_battery_never_costs_more(
    level: float, noise: int, hours: float, month: int, contract: GridContract, past_kw: float | None
) -> None:
    kw = contract.contract_kw
    past = () if past_kw is None else (("2025-12", past_kw), (f"2026-{month:02}", past_kw / 2))
    tariff = a_tariff(contract.model_copy(update={"past_peaks_kw": past}), date(2026, month, 14))
    load_kw = kw * np.clip(level + 0.2 * np.random.default_rng(noise).standard_normal(INTERVALS_PER_DAY), 0, None)
    site = SiteDay(
        participant_id="p",
        load_kw=load_kw,
        pv_kw=np.zeros(INTERVALS_PER_DAY),
        # Cycles cost nothing here, as their cost is in the plan and in no bill.
        batteries=(a_battery(0.4 * kw * hours, 0.4 * kw, cycle_cost_krw_per_kwh=0),),
        tariffs={"as-is": tariff},
    )

    found = [one.cost_krw for one in evaluate(site, [Scenario(scale, 1.0, "as-is") for scale in SCALES])]

    # The solver's gap is 1e-8 of the cost, and each cost is rounded to the won.
    slack_krw = 1 + 1e-8 * abs(found[0])
    assert all(larger <= smaller + slack_krw for smaller, larger in pairwise(found))


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (
            date(2027, 1, 4),
            "must be a day with known prices: eul_2026-04-16 is known until 2026-12-31 (gathered 2026-11-23)",
        ),
        (date(2027, 7, 14), "must be a day with known prices: eul_2026-04-16 is known until 2026-12-31"),
        (date(2028, 1, 4), "must lie within the known holidays"),
        (date(2022, 7, 14), "must be a day with known prices of industrial_eul"),
    ],
)
def test_day_whose_prices_nobody_knows_is_refused(day: date, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        a_tariff(LARGE, day)

    assert said in str(refused.value)
    assert str(refused.value).startswith("tariff kepco_industrial: date ")


def test_last_day_of_the_year_that_the_tariff_was_gathered_in_is_known() -> None:
    assert a_tariff(LARGE, date(2026, 12, 31)).base_jeon_per_kw > 0
