"""A day of one battery: the scheduler commands, the simulated converter obeys, and the bill is compared."""

from datetime import datetime
from pathlib import Path

import numpy as np

from optimizers.tariff.site import site_prices
from services.fems.domain.interval_numbers import epoch_s, number_of
from services.fems.domain.registers.vendor_models import CommitStatus
from services.fems.domain.simulated.battery import run_interval
from services.fems.domain.simulated.dispatch import ScheduleEntry, judge
from services.fems.domain.simulated.field import Field, battery_of
from services.fems.domain.simulated.power_profile import INTERVAL_US, UJ_PER_WH
from services.fems.simulator.load_sources import sources_of
from services.scheduler import handlers, store
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.events.base import Event
from shared.events.fems import DeviceObserved, MeterKind
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.events.scheduler import ScheduleSolved, SetpointIssued
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, KST
from shared.paths import DEMO_COMPLEX
from shared.reference.load import sell_back, tariff_book
from shared.units import JEON_WH_PER_KRW
from tests.component.harness import Bench

COMPLEX = load_complex(DEMO_COMPLEX)
LEAD = COMPLEX.market.gate_closure_lead
FACTORY = COMPLEX.by_participant["hanbit-machining"]
ESS = FACTORY.ess[0]
FIRST = datetime(2026, 5, 20, tzinfo=KST)
KW_PER_WH = 0.004  # over a quarter hour


def a_forecast(site_id: str, kind: ForecastKind, at: datetime, power_kw: np.ndarray) -> ForecastIssued:
    series = tuple(power_kw.tolist())
    return ForecastIssued(
        complex_id=COMPLEX.complex_id,
        site_id=site_id,
        participant_id=FACTORY.participant_id,
        kind=kind,
        issued_at=at,
        first_delivery_start=at,
        model="what comes",
        p10_kw=series,
        p50_kw=series,
        p90_kw=series,
        mean_kw=series,
    )


def observed(at: datetime, soc_wh: int, setpoint_w: int) -> DeviceObserved:
    return DeviceObserved(
        complex_id=COMPLEX.complex_id,
        device_id=ESS.device_id,
        participant_id=FACTORY.participant_id,
        meter_kind=MeterKind.ESS,
        observed_at=at,
        import_w=max(0, setpoint_w),
        export_w=max(0, -setpoint_w),
        soc_wh=soc_wh,
        capacity_wh=round(ESS.capacity_kwh * 1000),
        reachable=True,
    )


def test_converter_holds_the_plan_all_day_and_the_bill_is_lower_than_without_it(tmp_path: Path) -> None:
    alone = COMPLEX.model_copy(update={"participants": (FACTORY,)})
    begin = FIRST - 2 * LEAD
    bench = Bench(handlers.service(Complexes(alone)), store.METADATA, tmp_path, begin)
    lead_steps = 2 * LEAD // INTERVAL
    energies = Field(COMPLEX, sources_of(COMPLEX)).energies(number_of(begin), lead_steps + 2 * INTERVALS_PER_DAY)
    load_wh, pv_wh = energies[FACTORY.participant_id].load_wh, sum(energies[FACTORY.participant_id].pv_wh.values())
    battery = battery_of(ESS)
    commanded: dict[datetime, SetpointIssued] = {}
    stored_uj, power_w, apart_wh, net_wh, bare_wh = battery.stored_uj_initial, 0, [], [], []

    for step in range(lead_steps + INTERVALS_PER_DAY):
        now = begin + step * INTERVAL
        ahead = slice(step, step + INTERVALS_PER_DAY)
        running = commanded.get(now)
        setpoint_w = 0 if running is None else running.setpoint_w
        facts: list[Event] = [
            a_forecast(FACTORY.participant_id, ForecastKind.LOAD, now, load_wh[ahead] * KW_PER_WH),
            a_forecast(FACTORY.pv[0].site_id, ForecastKind.PV, now, np.asarray(pv_wh)[ahead] * KW_PER_WH),
            observed(now + INTERVAL / 4, stored_wh_soon(stored_uj, setpoint_w), setpoint_w),
        ]
        bench.run(until=now)
        bench.give(*facts)
        bench.run(until=now + INTERVAL / 2)
        for told in bench.published(SetpointIssued)[-1:]:
            entry = ScheduleEntry(
                start_s=epoch_s(told.delivery_start),
                setpoint_w=told.setpoint_w,
                expires_s=epoch_s(told.expires_at),
                sequence=epoch_s(told.issued_at),
            )
            assert judge(entry, battery, {}, now_s=epoch_s(now + INTERVAL / 2)) == CommitStatus.ACCEPTED
            commanded[told.delivery_start.astimezone(KST)] = told
        course = run_interval(battery, stored_uj, power_w, [(0, setpoint_w)])
        import_uj, export_uj = course.energy_uj(INTERVAL_US)
        stored_uj, power_w = battery.stored_uj_after(stored_uj, (import_uj, export_uj)), course.powers_w[-1]
        idle_wh = int(load_wh[step]) - int(np.asarray(pv_wh)[step])
        if running is not None:
            plan = next(one for one in bench.published(ScheduleSolved) if one.first_delivery_start == now)
            apart_wh.append(abs(stored_uj / UJ_PER_WH - plan.soc_wh[0]))
        if now >= FIRST:
            bare_wh.append(idle_wh)
            net_wh.append(idle_wh + (import_uj - export_uj) // UJ_PER_WH)
    bench.close()

    assert len(apart_wh) >= INTERVALS_PER_DAY
    # Within 1 % of the capacity after every interval.
    assert max(apart_wh) <= 0.01 * ESS.capacity_kwh * 1000
    spent_wh = (battery.stored_uj_initial - stored_uj) / UJ_PER_WH
    assert bill_krw(net_wh) + stored_krw(spent_wh) < bill_krw(bare_wh)


def stored_wh_soon(stored_uj: int, setpoint_w: int) -> int:
    """Return what is stored [Wh] a quarter into an interval at a set-point."""
    rate = ESS.charge_efficiency if setpoint_w > 0 else 1 / ESS.discharge_efficiency
    return round(stored_uj / UJ_PER_WH + setpoint_w * rate / 16)


def bill_krw(net_wh: list[int]) -> float:
    """Return what the grid charges for a day, less what it pays."""
    starts = [FIRST + n * INTERVAL for n in range(INTERVALS_PER_DAY)]
    prices = site_prices(tariff_book(), sell_back(COMPLEX.sell_back), FACTORY.contract, starts)
    net = np.array(net_wh)
    paid = np.maximum(net, 0) @ prices.import_jeon_per_kwh - np.maximum(-net, 0) @ prices.export_jeon_per_kwh
    return float(paid) / JEON_WH_PER_KRW


def stored_krw(spent_wh: float) -> float:
    """Return what the change in the store costs: put back at the light price, or sold at the least one."""
    starts = [FIRST + n * INTERVAL for n in range(INTERVALS_PER_DAY)]
    prices = site_prices(tariff_book(), sell_back(COMPLEX.sell_back), FACTORY.contract, starts)
    if spent_wh > 0:
        return spent_wh / ESS.charge_efficiency * float(prices.import_jeon_per_kwh.min()) / JEON_WH_PER_KRW
    return spent_wh * ESS.discharge_efficiency * float(prices.export_jeon_per_kwh.min()) / JEON_WH_PER_KRW
