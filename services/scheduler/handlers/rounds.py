"""One planning round of a complex: dispatch the interval whose gate has closed, bid for those whose gate comes next."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from optimizers.ess.case import Case, Schedule
from optimizers.ess.check import BrokenPromise
from optimizers.ess.scenarios import CarefulSolver, Quantiles
from optimizers.ess.schedule import Rolling
from optimizers.ess.solver import SolverFailed
from optimizers.orders.bids import SiteQuote, intervals_to_bid_for
from optimizers.tariff.peaks import site_peaks
from optimizers.tariff.site import SitePrices, site_prices
from services.scheduler import domain, store
from services.scheduler.domain import Measured, Outlook, Position, Standing
from services.scheduler.handlers.ordering import WRITER, order_what_is_due
from services.scheduler.store.needs import Need, save_needs
from shared.arrays import Floats
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, Ess, Participant
from shared.db import order_writer
from shared.errors import ODD_INPUT, BadInput
from shared.events.base import Event, named_id
from shared.events.forecast import ForecastKind
from shared.events.scheduler import ScheduleSolved, SetpointIssued
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, interval_of
from shared.reference.load import sell_back, tariff_book
from shared.units import JEON_PER_KRW

logger = logging.getLogger(__name__)

# Without the auction and the newest forecasts the batteries are dispatched on what is known this long after the gate.
PATIENCE = INTERVAL / 2
# A state of charge that was measured longer ago than this says nothing about now.
MEASURED_WITHIN = timedelta(hours=6)
HISTORY_KEPT = timedelta(days=2)
# What a calculation ends with that was given odder facts (a forecast, a measured state, a trade) than it can take.
NO_PLAN = (BadInput, SolverFailed, BrokenPromise, *ODD_INPUT)


@dataclass
class Solvers:
    """One solver a battery: the only thing kept in memory, and only to be quicker."""

    _rolling: dict[str, Rolling] = field(default_factory=dict)
    _careful: dict[str, CarefulSolver] = field(default_factory=dict)

    def plan(self, complex_id: str, ess: Ess, outlook: Outlook, case: Case) -> Schedule:
        """Return a battery's plan: the median's, or with caution the one for the forecast's whole range."""
        battery = f"{complex_id}/{ess.device_id}"
        if ess.caution is None:
            return self._rolling.setdefault(battery, Rolling()).solve(case)
        careful = self._careful.setdefault(battery, CarefulSolver(caution=ess.caution))
        return careful.solve(case, outlook.load, outlook.pv)

    def warm_up(self, complexes: Complexes) -> None:
        """Solve one day for nothing, so that the model is compiled before the first interval needs it."""
        for complex_ in complexes.values():
            for participant in complex_.participants:
                for ess in participant.ess[:1]:
                    outlook = domain.idle_outlook()
                    self.plan(complex_.complex_id, ess, outlook, domain.idle_case(ess, outlook))
                    return


@dataclass(frozen=True)
class Round:
    """One planning round of a complex, at the gate closure of the interval it dispatches by the complex file."""

    complex_: Complex
    now: datetime

    @property
    def first(self) -> datetime:
        """Return the interval to dispatch: the newest whose gate has closed."""
        return interval_of(self.now + self.complex_.market.gate_closure_lead)

    @property
    def starts(self) -> list[datetime]:
        """Return the planned intervals, a day of them."""
        return [self.first + n * INTERVAL for n in range(INTERVALS_PER_DAY)]

    @property
    def gate_closure(self) -> datetime:
        """Return when that interval's gate closed."""
        return self.first - self.complex_.market.gate_closure_lead

    @property
    def next_gate(self) -> datetime:
        """Return when the next interval's gate closes."""
        return self.gate_closure + INTERVAL

    @property
    def next_at_latest(self) -> datetime:
        """Return until when the next round has come."""
        return self.gate_closure + INTERVAL + PATIENCE


@dataclass(frozen=True, slots=True)
class Known:
    """What a round starts from, by device or participant."""

    states: Mapping[str, Measured]
    told_w: Mapping[str, Mapping[datetime, int]]
    positions: Mapping[str, Position]
    peaks_wh: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class SitePlan:
    """A site's outlook with its batteries' plans in it, its prices, and what traded energy is worth in them."""

    outlook: Outlook
    prices: SitePrices
    value_krw_per_kwh: Floats | None = None


@dataclass(frozen=True, slots=True)
class Solved:
    """A battery's new plan and where it started from."""

    schedule: Schedule
    standing: Standing


def on_time(now: datetime, db: Connection, complex_: Complex, solvers: Solvers) -> list[Event]:
    """Dispatch the next interval and bid for the next open auction once each, then seal what has closed."""
    events: list[Event] = []
    round_ = Round(complex_, now)
    progress = store.load_progress(db, complex_.complex_id)
    dispatched = progress.dispatched_through
    if (dispatched is None or dispatched < round_.first) and _may_dispatch(db, round_, progress):
        events += _dispatch_and_bid(db, round_, solvers)
        store.save_progress(db, complex_.complex_id, dispatched_through=round_.first)
        store.forget_before(db, complex_.complex_id, now - HISTORY_KEPT)
    events += order_what_is_due(db, complex_, now)
    lead = complex_.market.gate_closure_lead
    events += order_writer.seal_due(db, complex_.complex_id, writer=WRITER, lead=lead, now=now)
    return events


def next_due(now: datetime, db: Connection, complex_: Complex) -> datetime:
    """Return when time alone next lets a round begin, wait no longer, or a book close."""
    round_ = Round(complex_, now)
    dispatched = store.load_progress(db, complex_.complex_id).dispatched_through
    waits = dispatched is None or dispatched < round_.first
    return round_.gate_closure + PATIENCE if waits and now < round_.gate_closure + PATIENCE else round_.next_gate


def _may_dispatch(db: Connection, round_: Round, progress: store.Progress) -> bool:
    """Say whether all that the round waits for is in, or it can't wait any longer."""
    if round_.now >= round_.gate_closure + PATIENCE:
        return True
    sites, oldest = store.oldest_forecast(db, round_.complex_.complex_id)
    participants = round_.complex_.participants
    expected = len(participants) + sum(len(participant.pv) for participant in participants)
    cleared = progress.cleared_through is not None and progress.cleared_through >= round_.first
    return cleared and sites >= expected and oldest is not None and oldest >= interval_of(round_.gate_closure)


def _dispatch_and_bid(db: Connection, round_: Round, solvers: Solvers) -> list[Event]:
    complex_ = round_.complex_
    known = _known(db, round_)
    outlooks = _outlooks(db, complex_, round_.first)
    bid_starts = _bid_starts(db, round_)
    events: list[Event] = []
    needs: list[Need] = []
    for participant in complex_.participants:
        outlook = outlooks.get(participant.participant_id)
        if outlook is None:
            logger.warning("no forecast yet, no plan", extra={"participant_id": participant.participant_id})
            continue
        prices = site_prices(tariff_book(), sell_back(complex_.sell_back), participant.contract, round_.starts)
        plan = SitePlan(outlook, prices)
        for ess in participant.ess:
            solved = _solved(round_, known, participant, ess, plan, solvers)
            if solved is not None:
                events += _plan_events(round_, participant, ess, solved)
                schedule = solved.schedule
                plan = SitePlan(domain.with_schedule(plan.outlook, schedule), prices, schedule.trade_value_krw_per_kwh)
        needs += [_need(round_, participant, plan, start) for start in bid_starts]
    save_needs(db, complex_.complex_id, needs, are_due=True)
    store.save_setpoints(db, [event for event in events if isinstance(event, SetpointIssued)])
    return events


def _solved(
    round_: Round, known: Known, participant: Participant, ess: Ess, plan: SitePlan, solvers: Solvers
) -> Solved | None:
    """Return a battery's plan; None where there is none to be had, with which it stays idle and nobody else suffers."""
    try:
        standing = _standing(round_, known, participant, ess)
        if standing is None:
            return None
        case = domain.ess_case(ess, plan.outlook, plan.prices, standing)
        return Solved(solvers.plan(round_.complex_.complex_id, ess, plan.outlook, case), standing)
    except NO_PLAN:
        facts = {"complex_id": round_.complex_.complex_id, "device_id": ess.device_id}
        logger.exception("no plan for a battery: what is known of it can't be calculated with", extra=facts)
        return None


def _known(db: Connection, round_: Round) -> Known:
    complex_id = round_.complex_.complex_id
    return Known(
        states=store.load_ess_states(db, complex_id),
        told_w=store.load_setpoints(db, complex_id, round_.first - MEASURED_WITHIN, round_.first),
        positions=store.load_positions(db, complex_id, round_.first),
        peaks_wh=store.load_peaks(db, complex_id),
    )


def _standing(round_: Round, known: Known, participant: Participant, ess: Ess) -> Standing | None:
    """Return where a battery and its factory stand; None where the battery was not measured lately."""
    measured = known.states.get(ess.device_id)
    if measured is None or round_.now - measured.observed_at > MEASURED_WITHIN:
        logger.warning("battery not measured lately, no plan", extra={"device_id": ess.device_id})
        return None
    told_w = known.told_w.get(ess.device_id, {})
    contract = participant.contract
    peaks_kw = domain.known_peaks_kw(dict(contract.past_peaks_kw), known.peaks_wh.get(participant.participant_id, {}))
    return Standing(
        soc_kwh=domain.soc_kwh_at(round_.first, measured, told_w, ess),
        power_w=told_w.get(round_.first - INTERVAL, 0),
        position=known.positions.get(participant.participant_id, Position()),
        peaks=site_peaks(tariff_book(), contract, round_.starts, peaks_kw),
        deviation_w=domain.deviation_w(measured, told_w.get(interval_of(measured.observed_at), 0), ess),
    )


def _outlooks(db: Connection, complex_: Complex, first: datetime) -> dict[str, Outlook]:
    """Return the outlook of every participant whose load has a forecast."""
    forecasts = store.load_forecasts(db, complex_.complex_id)
    outlooks: dict[str, Outlook] = {}
    for participant in complex_.participants:
        load = forecasts.get((ForecastKind.LOAD.value, participant.participant_id))
        if load is None:
            continue
        pv = domain.idle_outlook().pv
        for site in participant.pv:
            sun = forecasts.get((ForecastKind.PV.value, site.site_id))
            if sun is not None:
                pv = domain.added(pv, _quantiles(sun, first))
        outlooks[participant.participant_id] = Outlook(load=_quantiles(load, first), pv=pv)
    return outlooks


def _quantiles(saved: store.SavedForecast, first: datetime) -> Quantiles:
    issued_for = saved.first_delivery_start
    return Quantiles(
        p10_kw=domain.aligned(saved.p10_kw, issued_for, first),
        p50_kw=domain.aligned(saved.p50_kw, issued_for, first),
        p90_kw=domain.aligned(saved.p90_kw, issued_for, first),
    )


def _bid_starts(db: Connection, round_: Round) -> list[datetime]:
    """Return the intervals to bid for in this round, and remember that they now are bid for."""
    complex_ = round_.complex_
    progress = store.load_progress(db, complex_.complex_id)
    if progress.is_halted:
        return []
    starts = intervals_to_bid_for(
        store.rules_at(db, complex_, round_.now),
        store.rules_at(db, complex_, round_.next_at_latest),
        now=round_.now,
        next_round=round_.next_at_latest,
        bid_through=progress.bid_through,
    )
    planned = [start for start in starts if start <= round_.starts[-1]]
    if planned:
        store.save_progress(db, complex_.complex_id, bid_through=planned[-1])
    return planned


def _plan_events(round_: Round, participant: Participant, ess: Ess, solved: Solved) -> list[Event]:
    complex_id = round_.complex_.complex_id
    key = (complex_id, ess.device_id, f"{round_.first:%Y%m%dT%H%MZ}")
    schedule, standing = solved.schedule, solved.standing
    event = ScheduleSolved(
        complex_id=complex_id,
        schedule_id=str(named_id("schedule", *key)),
        device_id=ess.device_id,
        participant_id=participant.participant_id,
        solved_at=round_.now,
        first_delivery_start=round_.first,
        status=schedule.status,
        charge_w=domain.watts(schedule.charge_kw),
        discharge_w=domain.watts(schedule.discharge_kw),
        soc_wh=tuple(max(0, one) for one in domain.watts(schedule.soc_kwh)),
        reasons=tuple(str(reason) for reason in schedule.reasons),
        energy_value_krw_per_kwh=tuple(round(float(one), 2) for one in schedule.energy_value_krw_per_kwh),
        solve_seconds=round(schedule.solve.seconds_build + schedule.solve.seconds_solve, 4),
        cost_krw=round(schedule.cost_krw),
        cost_without_battery_krw=round(schedule.cost_without_battery_krw),
        peak_w=round(schedule.peak_kw * domain.W_PER_KW),
        peak_without_battery_w=round(schedule.peak_without_battery_kw * domain.W_PER_KW),
        prior_peak_w=round(standing.peaks[0].prior_peak_kw * domain.W_PER_KW) if standing.peaks else None,
        peak_value_krw_per_kw=round(schedule.peak_value_krw_per_kw),
        peak_months=tuple(sorted({month for peak in standing.peaks for month in peak.months})),
        deviation_w=standing.deviation_w,
    )
    setpoint = SetpointIssued(
        complex_id=complex_id,
        setpoint_id=str(named_id("setpoint", *key)),
        device_id=ess.device_id,
        participant_id=participant.participant_id,
        delivery_start=round_.first,
        expires_at=round_.first + INTERVAL,
        issued_at=round_.now,
        setpoint_w=domain.setpoint_w(schedule),
        charge_w_max=round(ess.charge_kw_max * domain.W_PER_KW),
        discharge_w_max=round(ess.discharge_kw_max * domain.W_PER_KW),
    )
    return [event, setpoint]


def _need(round_: Round, participant: Participant, plan: SitePlan, start: datetime) -> Need:
    step = (start - round_.first) // INTERVAL
    value = None if plan.value_krw_per_kwh is None else round(float(plan.value_krw_per_kwh[step]) * JEON_PER_KRW)
    return Need(
        participant_id=participant.participant_id,
        delivery_start=start,
        net_kw=float(plan.outlook.load_kw[step] - plan.outlook.pv_kw[step]),
        quote=SiteQuote(
            import_jeon=int(plan.prices.import_jeon_per_kwh[step]),
            export_jeon=int(plan.prices.export_jeon_per_kwh[step]),
            value_jeon=value,
        ),
    )
