"""What happens in each of the demo's scenes, and when."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any

from cli.staging import Crew, Cue, NotNow, Script
from optimizers.tariff.peaks import site_peaks
from services.fems.domain.simulated.faults import FaultKind
from services.fems.simulator.conditions import RequestedFront, RequestedStep
from services.fems.simulator.faults import RequestedFault
from shared.complex.model import Feeder, Participant
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, INTERVALS_PER_HOUR, KST, interval_of
from shared.reference.load import tariff_book
from shared.scenes import SceneName

# A front as it passes: thin, dense, thin.
FRONT = (0.5, 0.25, 0.15, 0.15, 0.25, 0.5)
SILENT, HALTED = timedelta(minutes=45), timedelta(minutes=45)
BATCH_INTERVALS, BATCH_AHEAD = 4, 8
# How much of the battery's power a batch asks for beyond the known peak: it can give that for the hour.
BATCH_OF_DISCHARGE = 0.6
BATCH_KW_MIN = 20
FULL_INTERVALS = 3
# Others buy behind the sellers' own feeders, too.
MORE_THAN_FULL = 1.25
# What of its contract power a factory draws when it runs flat out.
FLAT_OUT = 0.8
# Where nothing was traded yet [KRW/kWh].
PRICE_KRW_PER_KWH = Decimal(150)
# What people bid and ask by hand, against the last price: not so much that the grid would be the better neighbour.
DEAR, CHEAP, FAR_TOO_CHEAP = Decimal("1.08"), Decimal("0.92"), Decimal("0.5")
HAND_BID_KWH = 20
# As the order sheets have them.
ORDER_FIELDS = ("client_order_id", "delivery_start", "side", "price_krw_per_kwh", "quantity_kwh")
MORNING, NOON_BEGINS, NOON_ENDS, AFTERNOON = time(9), time(10, 30), time(13, 30), time(15, 30)


def script_of(crew: Crew, name: SceneName, now: datetime) -> Script:
    """Return what happens in a scene that is asked for now.

    Raises:
        NotNow: It can't be staged.
        ApiSilent, ApiRefused: The trading API does not say what has to be known.
    """
    scripts: Mapping[SceneName, Callable[[Crew, datetime], Script]] = {
        SceneName.CLOUD_FRONT: _cloud_front,
        SceneName.AVOIDED_PEAK: _avoided_peak,
        SceneName.SILENT_METER: _silent_meter,
        SceneName.FULL_FEEDER: _full_feeder,
        SceneName.HALT: _halt,
        SceneName.HAND_BID: _hand_bid,
    }
    return scripts[name](crew, now)


def _cloud_front(crew: Crew, now: datetime) -> Script:
    begin = _by_day(_soon(now), NOON_BEGINS, NOON_ENDS)
    front = RequestedFront(begin=begin, through=FRONT)
    return Script(begin, begin + len(FRONT) * INTERVAL, [Cue(now, partial(crew.bring, front))])


def _silent_meter(crew: Crew, now: datetime) -> Script:
    device_id = crew.complex_.participants[0].grid_meter_id
    fault = RequestedFault(device_id=device_id, kind=FaultKind.SILENT, since=now, until=now + SILENT)
    return Script(now, now + SILENT, [Cue(now, partial(crew.spoil, fault))])


def _halt(crew: Crew, now: datetime) -> Script:
    if crew.operator("GET", "overview")["market"]["halted"]:
        raise NotNow(ko="시장이 이미 중단되어 있습니다.", en="The market is halted already.")
    halt = partial(crew.operator, "POST", "market/halt", {"reason": "demo scene / 데모 장면"})
    end = now + HALTED
    return Script(now, end, [Cue(now, halt), Cue(end, partial(crew.operator, "POST", "market/resume"))])


def _hand_bid(crew: Crew, now: datetime) -> Script:
    delivery = _by_day(_biddable(crew), MORNING, AFTERNOON)
    # Who has no roof only buys, also by its automatic orders, which would otherwise meet its own by hand.
    bidder = next((one for one in crew.complex_.participants if not one.pv), crew.complex_.participants[0])

    price = cache(partial(_last_price, crew))

    def bid() -> None:
        for what, factor in (("dear", DEAR), ("cheap", FAR_TOO_CHEAP)):
            order = _order(f"scene-{what}", delivery, "buy", price() * factor, HAND_BID_KWH)
            crew.factory(bidder.participant_id, "POST", "orders", order)

    at = max(now, delivery - crew.complex_.market.gate_closure_lead - 2 * INTERVAL)
    return Script(at, delivery, [Cue(at, bid)])


@dataclass(frozen=True)
class Batch:
    """What one factory adds over some intervals."""

    participant_id: str
    begin: datetime
    end: datetime
    added_kw: int

    def cue(self, crew: Crew, at: datetime) -> Cue:
        """Let it be stated as a plan, and drawn."""
        step = RequestedStep(participant_id=self.participant_id, begin=self.begin, end=self.end, added_kw=self.added_kw)
        plan = {"kind": "batch", "begin": self.begin.isoformat(), "end": self.end.isoformat()}
        stated = {**plan, "expected_kw": str(self.added_kw)}

        def run() -> None:
            crew.factory(self.participant_id, "PUT", f"load-plans/scene-{self.begin:%Y%m%dT%H%MZ}", stated)
            crew.add(step)

        return Cue(at, run)


def _avoided_peak(crew: Crew, now: datetime) -> Script:
    owners = [one for one in crew.complex_.participants if one.ess]
    if not owners:
        raise NotNow(ko="이 산단에는 배터리가 없습니다.", en="This complex has no battery.")
    owner = max(owners, key=lambda one: sum(ess.capacity_kwh for ess in one.ess))
    batch = next(_batches(crew, owner, interval_of(now) + BATCH_AHEAD * INTERVAL), None)
    if batch is None:
        raise NotNow(
            ko="앞으로 하루 동안 최대수요가 계량되는 시간이 없습니다.",
            en="No hour of the coming day sets a peak that is billed.",
        )
    return Script(batch.begin, batch.end, [batch.cue(crew, now)])


def _batches(crew: Crew, owner: Participant, first: datetime) -> Iterator[Batch]:
    """Yield the batches that one battery can keep from becoming a new peak, the next one first."""
    starts = [first + n * INTERVAL for n in range(INTERVALS_PER_DAY - BATCH_AHEAD)]
    load_kw, pv_kw = _forecasts(crew, owner, starts)
    peaks = site_peaks(tariff_book(), owner.contract, starts, {})
    if not peaks:
        return
    billed_kw = max(peaks[0].prior_peak_kw, _known_peak_kw(crew, owner))
    discharge_kw = sum(ess.discharge_kw_max for ess in owner.ess)
    for n in range(len(starts) - BATCH_INTERVALS):
        hour = slice(n, n + BATCH_INTERVALS)
        net_kw = max(load - sun for load, sun in zip(load_kw[hour], pv_kw[hour], strict=True))
        added_kw = round(billed_kw + BATCH_OF_DISCHARGE * discharge_kw - net_kw)
        fits = BATCH_KW_MIN <= added_kw <= owner.contract.contract_kw - max(load_kw[hour])
        if peaks[0].counts[hour].all() and fits:
            yield Batch(owner.participant_id, starts[n], starts[n] + BATCH_INTERVALS * INTERVAL, added_kw)


def _forecasts(crew: Crew, owner: Participant, starts: Sequence[datetime]) -> tuple[list[float], list[float]]:
    """Return the expected load and sun of a factory; what lies beyond a forecast is as at its end."""
    found = {
        (one["kind"], one["site_id"]): one for one in crew.factory(owner.participant_id, "GET", "forecasts")["items"]
    }
    if ("load", owner.participant_id) not in found:
        raise NotNow(
            ko="아직 예측이 없습니다. 잠시 뒤에 다시 시도하세요.", en="There is no forecast yet; try again soon."
        )

    def expected(one: Mapping[str, Any]) -> list[float]:
        series, begin = one["series"]["p50_kw"], datetime.fromisoformat(one["first_delivery_start"])
        return [float(series[min(max((start - begin) // INTERVAL, 0), len(series) - 1)]) for start in starts]

    suns = [expected(found["pv", site.site_id]) for site in owner.pv if ("pv", site.site_id) in found]
    nothing = [0.0] * len(starts)
    pv_kw = [sum(powers_kw) for powers_kw in zip(nothing, *suns, strict=True)]
    return expected(found["load", owner.participant_id]), pv_kw


def _known_peak_kw(crew: Crew, owner: Participant) -> float:
    """Return the peak that its batteries' newest plans know of."""
    plans = crew.factory(owner.participant_id, "GET", "schedules")["items"]
    return max((float(one["prior_peak_kw"] or 0) for one in plans), default=0.0)


def _full_feeder(crew: Crew, now: datetime) -> Script:
    feeder = min(filter(None, (_fillable(crew, one) for one in crew.complex_.feeders)), key=_limit_kw, default=None)
    if feeder is None:
        raise NotNow(
            ko="이 산단에는 채울 수 있는 배전선로가 없습니다.",
            en="No feeder of this complex can be filled by the others.",
        )
    begin = _by_day(_biddable(crew) + 2 * INTERVAL, NOON_BEGINS, NOON_ENDS)
    starts = [begin + n * INTERVAL for n in range(FULL_INTERVALS)]
    end = starts[-1] + INTERVAL
    at = max(now, begin - crew.complex_.market.gate_closure_lead - 2 * INTERVAL)
    buyers = [one for one in crew.complex_.participants if one.feeder_id == feeder.feeder_id]
    batches = [
        Batch(one.participant_id, begin, end, round(FLAT_OUT * one.contract.contract_kw - one.load.mean_kw))
        for one in buyers
        if FLAT_OUT * one.contract.contract_kw - one.load.mean_kw >= 1
    ]
    price = cache(partial(_last_price, crew))

    def trade() -> None:
        offers = [(one, "buy", price() * DEAR, one.contract.contract_kw) for one in buyers]
        offers += [(one, "sell", price() * CHEAP, _giving_kw(one)) for one in _sellers(crew, feeder)]
        for one, side, limit, power_kw in offers:
            for start in starts:
                order = _order("scene-full", start, side, limit, power_kw / INTERVALS_PER_HOUR)
                crew.factory(one.participant_id, "POST", "orders", order)

    return Script(begin, end, [*(batch.cue(crew, now) for batch in batches), Cue(at, trade)])


def _limit_kw(feeder: Feeder) -> float:
    return feeder.import_limit_kw or 0.0


def _fillable(crew: Crew, feeder: Feeder) -> Feeder | None:
    """Return a feeder if its factories can take, and the others give, more than it carries."""
    members = crew.complex_.participants
    taking_kw = sum(one.contract.contract_kw for one in members if one.feeder_id == feeder.feeder_id)
    giving_kw = sum(_giving_kw(one) for one in members if one.feeder_id != feeder.feeder_id)
    limit_kw = feeder.import_limit_kw
    return feeder if limit_kw is not None and min(taking_kw, giving_kw) > limit_kw else None


def _sellers(crew: Crew, feeder: Feeder) -> Iterator[Participant]:
    """Yield as many of the others as can give some more than a feeder carries."""
    wanted_kw = _limit_kw(feeder) * MORE_THAN_FULL
    for one in crew.complex_.participants:
        if one.feeder_id != feeder.feeder_id and _giving_kw(one) and wanted_kw > 0:
            wanted_kw -= _giving_kw(one)
            yield one


def _giving_kw(one: Participant) -> float:
    """Return the most that a factory may sell."""
    return sum(site.capacity_kw_ac for site in one.pv) + sum(ess.discharge_kw_max for ess in one.ess)


def _order(what: str, start: datetime, side: str, price: Decimal, quantity_kwh: float) -> dict[str, str]:
    said = (f"{what}-{start:%Y%m%dT%H%MZ}", start.isoformat(), side, str(round(price)), f"{quantity_kwh:.3f}")
    return dict(zip(ORDER_FIELDS, said, strict=True))


def _last_price(crew: Crew) -> Decimal:
    """Return the newest price that was paid."""
    prices = (one["price_krw_per_kwh"] for one in crew.operator("GET", "auctions?limit=100")["items"])
    return next((Decimal(price) for price in prices if price is not None), PRICE_KRW_PER_KWH)


def _soon(now: datetime) -> datetime:
    """Return an interval that begins late enough for the simulated devices to hear of it before."""
    return interval_of(now) + 2 * INTERVAL


def _biddable(crew: Crew) -> datetime:
    """Return the first interval whose gate stays open for another quarter hour."""
    return datetime.fromisoformat(crew.operator("GET", "clock")["next_gates"][1]["delivery_start"])


def _by_day(earliest: datetime, begin: time, end: time) -> datetime:
    """Return the first interval from one on that begins between two times of a Korean day."""
    start = earliest
    while not begin <= start.astimezone(KST).time() <= end:
        start += INTERVAL
    return start
