from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.ess.case import Case
from optimizers.ess.check import check
from optimizers.ess.fleet import FeederCap, Fleet, FleetSchedule, FleetSolver, SharedBattery
from optimizers.ess.scenarios import CarefulSolver, Quantiles
from optimizers.ess.schedule import solve
from shared.errors import BadInput
from tests.unit.ess.cases import a_battery, a_case, cases


def solved(fleet: Fleet) -> FleetSchedule:
    """Solve a fleet and check every site by itself, and what they share by addition."""
    answer = FleetSolver().solve(fleet)
    for case, schedule in zip(fleet.cases(), answer.schedules, strict=True):
        check(case, schedule)
    for f, feeder in enumerate(fleet.feeders):
        through_kw = sum(answer.schedules[s].import_kw - answer.schedules[s].export_kw for s in feeder.sites)
        for t, flow_kw in enumerate(np.asarray(through_kw).tolist()):
            given_way = {
                (one.direction): one.excess_kw for one in answer.feeder_violations if (one.feeder, one.step) == (f, t)
            }
            assert (
                feeder.import_limit_kw is None
                or flow_kw <= feeder.import_limit_kw + given_way.get("import", 0.0) + 1e-5
            )
            assert (
                feeder.export_limit_kw is None
                or -flow_kw <= feeder.export_limit_kw + given_way.get("export", 0.0) + 1e-5
            )
    for shared in fleet.shared:
        charge_kw = np.sum([answer.schedules[s].charge_kw for s in shared.shares], axis=0)
        discharge_kw = np.sum([answer.schedules[s].discharge_kw for s in shared.shares], axis=0)
        assert charge_kw.max() <= shared.battery.max_charge_kw + 1e-6
        assert discharge_kw.max() <= shared.battery.max_discharge_kw + 1e-6
        assert np.minimum(charge_kw, discharge_kw).max() <= 1e-5
    return answer


def test_battery_behind_a_full_feeder_makes_room_for_its_neighbour() -> None:
    # 60 and 90 kW behind 130 kW, flat price: in the second hour the battery must give its 20 kWh for the neighbour.
    owner = a_case([60, 60], buy=[100, 100], battery=a_battery(soc_initial=0.2, max_charge_kw=0.0))
    neighbour = a_case([30, 90], buy=[100, 100], battery=None)

    answer = solved(Fleet(sites=(owner, neighbour), feeders=(FeederCap((0, 1), import_limit_kw=130.0),)))

    assert answer.status == "optimal"
    assert answer.schedules[0].discharge_kw[1] == pytest.approx(20.0)
    # 240 kWh are used, 20 come from the store.
    assert answer.cost_krw == pytest.approx(22_000.0)


def test_feeder_that_can_not_hold_its_sites_gives_way_by_what_is_missing() -> None:
    sites = tuple(a_case([100], buy=[10], battery=None) for _ in range(2))

    answer = solved(Fleet(sites=sites, feeders=(FeederCap((0, 1), import_limit_kw=150.0),)))

    assert answer.status == "relaxed"
    assert [(one.feeder, one.step, one.direction) for one in answer.feeder_violations] == [(0, 0, "import")]
    assert answer.feeder_violations[0].excess_kw == pytest.approx(50.0)


def test_shared_battery_gives_each_its_share_of_the_store_and_all_one_converter() -> None:
    # 100 kWh, half full, 50 kW. Shares 80 % and 20 %: 40 and 10 kWh to give in the one dear hour, 50 kW together.
    whole = a_battery(soc_initial=0.5)
    sites = tuple(a_case([100, 100], buy=[100, 300], battery=None) for _ in range(2))

    answer = solved(Fleet(sites=sites, shared=(SharedBattery(whole, {0: 0.8, 1: 0.2}),)))

    # In the cheap hour 40 and 10 kWh more fit in; the converter takes 50. In the dear one it gives 50 of the 100.
    assert sum(one.discharge_kw[1] for one in answer.schedules) == pytest.approx(50.0)
    assert all(one.soc_kwh.max() <= part + 1e-6 for one, part in zip(answer.schedules, (80.0, 20.0), strict=True))


def test_shared_battery_does_not_charge_for_one_while_it_discharges_for_another() -> None:
    # The first would store its cheap hour while the second's is dear, and the other way round an hour later.
    lossy = a_battery(soc_initial=0.5, charge_efficiency=0.9, discharge_efficiency=0.9)
    first = a_case([100, 100], buy=[10, 500], battery=None)
    second = a_case([100, 100], buy=[500, 10], battery=None)

    answer = solved(Fleet(sites=(first, second), shared=(SharedBattery(lossy, {0: 0.5, 1: 0.5}),)))

    assert answer.solve.method == "milp"


def test_shares_above_the_whole_are_refused() -> None:
    with pytest.raises(BadInput, match="at most 1"):
        SharedBattery(a_battery(), {0: 0.8, 1: 0.3})


def test_scenarios_decide_alike_now_and_each_for_itself_later() -> None:
    # In the second hour it turns out whether 100 or 160 kW are drawn; the store may only be filled in the first.
    battery = a_battery(soc_initial=0.0, max_charge_kw=50.0)
    calm, busy = (
        a_case([50, load], buy=[100, 100], demand_charge_krw_per_kw=1000.0, prior_peak_kw=100.0, battery=battery)
        for load in (100.0, 160.0)
    )

    answer = solved(Fleet(sites=(calm, busy), tied_steps=1, caution=0.0))

    assert answer.schedules[0].charge_kw[0] == answer.schedules[1].charge_kw[0] == pytest.approx(50.0)
    # In the busy scenario 50 of the 60 kW above the prior peak are shaved: 110 kW.
    assert answer.schedules[1].peak_kw == pytest.approx(110.0)


def test_caution_pays_for_the_worst_scenario() -> None:
    # Storing costs 100 a kWh more now than later (a cycle's wear), and saves 300 KRW/kW in one scenario of four: by the
    # mean 75 < 100, it does not pay; for the worst tenth, which is that scenario, it does.
    battery = a_battery(soc_initial=0.0, cycle_cost_krw_per_kwh=100.0)
    sites = tuple(
        a_case([50, load], buy=[100, 100], demand_charge_krw_per_kw=300.0, prior_peak_kw=100.0, battery=battery)
        for load in (100.0, 100.0, 100.0, 150.0)
    )

    neutral = solved(Fleet(sites=sites, tied_steps=2, caution=0.0))
    careful = solved(Fleet(sites=sites, tied_steps=2, caution=1.0))

    assert neutral.schedules[3].peak_kw == pytest.approx(150.0)
    assert careful.schedules[3].peak_kw == pytest.approx(100.0)


@given(st.lists(cases(), min_size=2, max_size=3))
@settings(deadline=None, max_examples=25)
def test_sites_that_share_nothing_cost_what_each_costs_by_itself(drawn: list[Case]) -> None:
    steps = min(case.steps for case in drawn)
    sites = tuple(_cut(case, steps) for case in drawn)

    answer = solved(Fleet(sites=sites))

    assert answer.cost_krw == pytest.approx(sum(solve(case).cost_krw for case in sites), rel=1e-6, abs=1e-3)


def _cut(case: Case, steps: int) -> Case:
    def first(series: np.ndarray | None) -> np.ndarray | None:
        return None if series is None else series[:steps]

    return replace(
        case,
        step_minutes=15.0,
        demand_window_minutes=15.0,
        load_kw=case.load_kw[:steps],
        pv_kw=case.pv_kw[:steps],
        price_buy_krw_per_kwh=case.price_buy_krw_per_kwh[:steps],
        price_sell_krw_per_kwh=case.price_sell_krw_per_kwh[:steps],
        bought_kw=first(case.bought_kw),
        sold_kw=first(case.sold_kw),
        demand_counts=first(case.demand_counts),
        more_demand=tuple(replace(more, counts=first(more.counts)) for more in case.more_demand),
    )


def test_quantiles_between_the_three_lie_on_straight_lines() -> None:
    quantiles = Quantiles(p10_kw=np.array([10.0]), p50_kw=np.array([50.0]), p90_kw=np.array([130.0]))

    # 0.3 is half way from 10 to 50, 0.7 half way from 50 to 130.
    assert [quantiles.at(level)[0] for level in (0.1, 0.3, 0.5, 0.7, 0.9)] == pytest.approx([10, 30, 50, 90, 130])


def test_careful_plan_stores_for_the_load_that_may_come() -> None:
    # 50 kW now; then 100 by the median, 190 at worst, against a peak of 150 that is billed anyway. The store is empty.
    case = a_case(
        [100, 100],
        buy=[100, 101],
        demand_charge_krw_per_kw=1000.0,
        prior_peak_kw=150.0,
        battery=a_battery(soc_initial=0.0),
    )
    sure = np.array([50.0, 100.0])
    load = Quantiles(p10_kw=sure, p50_kw=sure, p90_kw=np.array([50.0, 190.0]))
    none = Quantiles(p10_kw=np.zeros(2), p50_kw=np.zeros(2), p90_kw=np.zeros(2))

    careful = CarefulSolver(caution=1.0).solve(case, load, none)

    # 190 kW may come against 150 billed anyway: 40 kWh are stored in the first hour at least.
    assert careful.charge_kw[0] >= 40.0 - 1e-6


def test_caution_outside_its_range_is_refused() -> None:
    with pytest.raises(BadInput, match="caution"):
        CarefulSolver(caution=1.5)
