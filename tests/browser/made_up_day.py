"""A day of events as the services would publish them, worked out from simple curves, for looking at the console."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.complex.model import Complex, Participant
from shared.events.base import Event
from shared.events.fems import DeviceObserved, IntervalMetered, MeterKind, Quality, SetpointConfirmed
from shared.events.market import AuctionCleared
from shared.events.orders import OrderSubmitted
from shared.events.records import CertificateLine, Fill, SettledLine, Side, Trade
from shared.events.scheduler import ScheduleSolved
from shared.events.settlement import CertificatesSettled, IntervalSettled
from shared.intervals import INTERVAL, KST

GRID_JEON, SELL_BACK_JEON = 17_000, 9_000


class MadeUpDay:
    """One complex's day: loads that rise in the morning, a clear sky, batteries that charge at noon."""

    def __init__(self, complex_: Complex) -> None:
        self.complex = complex_

    def interval(self, start: datetime) -> Iterator[Event]:
        """Yield what one delivery interval leads to, from its orders to its books."""
        powers_w = {one.participant_id: self._powers_w(one, start) for one in self.complex.participants}
        yield from self._auction(start, powers_w)
        lines, certified = [], []
        for one in self.complex.participants:
            load_w, solar_w, charge_w = powers_w[one.participant_id]
            certified.append(_certified(one, load_w // 4, solar_w // 4, max(0, charge_w) // 4))
            net_w = load_w - solar_w + charge_w
            quarter = (max(0, net_w) // 4, max(0, -net_w) // 4)
            yield self._reading(one.grid_meter_id, one, MeterKind.GRID, start, quarter)
            for site in one.pv:
                yield self._reading(site.site_id, one, MeterKind.PV, start, (0, solar_w // 4))
            for ess in one.ess:
                yield self._reading(
                    ess.device_id, one, MeterKind.ESS, start, (max(0, charge_w) // 4, max(0, -charge_w) // 4)
                )
            lines.append(self._line(one, net_w))
        yield IntervalSettled(
            complex_id=self.complex.complex_id,
            delivery_start=start,
            settled_at=start + 2 * INTERVAL,
            ledger_entries=4 * len(lines),
            ledger_sum_krw=0,
            lines=tuple(lines),
        )
        yield CertificatesSettled(
            complex_id=self.complex.complex_id,
            delivery_start=start,
            certified_at=start + 2 * INTERVAL,
            revision=0,
            number=1,
            hash="0" * 64,
            part=1,
            parts=1,
            lines=tuple(certified),
            slices=(),
        )

    def present(self, now: datetime) -> Iterator[Event]:
        """Yield the devices' states and the batteries' plans at an instant."""
        for one in self.complex.participants:
            load_w, solar_w, charge_w = self._powers_w(one, now)
            net_w = load_w - solar_w + charge_w
            yield self._state(one.grid_meter_id, one, MeterKind.GRID, now, (max(0, net_w), max(0, -net_w)))
            for site in one.pv:
                yield self._state(site.site_id, one, MeterKind.PV, now, (0, solar_w))
            for ess in one.ess:
                capacity_wh = int(ess.capacity_kwh * 1000)
                plan = [
                    int(capacity_wh * (0.5 + 0.35 * math.sin((n + _hour(now) * 4) / 96 * 4 * math.pi)))
                    for n in range(96)
                ]
                yield DeviceObserved(
                    complex_id=self.complex.complex_id,
                    device_id=ess.device_id,
                    participant_id=one.participant_id,
                    meter_kind=MeterKind.ESS,
                    observed_at=now,
                    import_w=max(0, charge_w),
                    export_w=max(0, -charge_w),
                    soc_wh=plan[0],
                    capacity_wh=capacity_wh,
                    reachable=True,
                )
                yield self._plan(ess.device_id, one, now, plan)
                yield SetpointConfirmed(
                    complex_id=self.complex.complex_id,
                    setpoint_id=f"{ess.device_id}:{now:%H%M}",
                    device_id=ess.device_id,
                    participant_id=one.participant_id,
                    delivery_start=now,
                    setpoint_w=charge_w,
                    confirmed_at=now,
                )

    def _powers_w(self, one: Participant, at: datetime) -> tuple[int, int, int]:
        """Return load, solar power and charging (negative: discharging) of a factory."""
        hour = _hour(at)
        work = 0.55 + 0.45 / (1 + math.exp(-(hour - 8) * 1.6)) - 0.45 / (1 + math.exp(-(hour - 19) * 1.4))
        wave = 0.06 * math.sin(hour * 5 + len(one.participant_id))
        sun = max(0.0, math.sin((hour - 5.6) / 13.4 * math.pi)) if 5.6 < hour < 19 else 0.0
        solar_kw = sum(site.capacity_kw_ac for site in one.pv) * 0.86 * sun**1.3
        charge_kw = sum(ess.charge_kw_max for ess in one.ess) * (0.7 * sun - 0.5 * (17 < hour < 22))
        return int(one.load.mean_kw * (work + wave) * 1000), int(solar_kw * 1000), int(charge_kw * 1000)

    def _auction(self, start: datetime, powers_w: dict[str, tuple[int, int, int]]) -> Iterator[Event]:
        nets = {name: load - solar + charge for name, (load, solar, charge) in powers_w.items()}
        wanted = {name: net // 4 for name, net in nets.items() if net >= 4}
        offered = {name: -net // 4 for name, net in nets.items() if net <= -4}
        volume = min(sum(wanted.values()), sum(offered.values()))
        price = int(
            GRID_JEON - (GRID_JEON - SELL_BACK_JEON) * min(1, sum(offered.values()) / max(1, sum(wanted.values())))
        )
        fills = []
        for side, quantities in ((Side.BUY, wanted), (Side.SELL, offered)):
            left = volume
            for name, quantity in quantities.items():
                filled = min(left, quantity)
                left -= filled
                order = self._order(start, name, side, quantity)
                yield order
                krw = round(filled * price / 100_000)
                fills.append(
                    Fill(
                        order_id=order.order_id,
                        participant_id=name,
                        side=side,
                        quantity_wh=quantity,
                        price_jeon_per_kwh=order.price_jeon_per_kwh,
                        filled_wh=filled,
                        paid_krw=krw if side is Side.BUY else 0,
                        received_krw=krw if side is Side.SELL else 0,
                    )
                )
        yield AuctionCleared(
            complex_id=self.complex.complex_id,
            auction_id=f"{self.complex.complex_id}:{start:%Y%m%dT%H%M}",
            delivery_start=start,
            cleared_at=start - INTERVAL,
            status="cleared",
            price_jeon_per_kwh=price if volume else None,
            price_low_jeon_per_kwh=None,
            price_high_jeon_per_kwh=None,
            volume_wh=volume,
            fees_krw=0,
            feeder_price_jeon_per_kwh={feeder.feeder_id: price for feeder in self.complex.feeders},
            book_hash="0" * 64,
            fills=tuple(fills),
            trades=tuple(self._trades(start, fills, volume)),
        )

    def _order(self, start: datetime, name: str, side: Side, quantity_wh: int) -> OrderSubmitted:
        bidding = self.complex.by_participant[name].bidding
        share = bidding.buy_share if side is Side.BUY else bidding.sell_share
        return OrderSubmitted(
            complex_id=self.complex.complex_id,
            order_id=f"{name}:{start:%Y%m%dT%H%M}",
            client_order_id=f"auto:{start:%Y%m%dT%H%M}",
            participant_id=name,
            delivery_start=start,
            side=side,
            price_jeon_per_kwh=int(SELL_BACK_JEON + share * (GRID_JEON - SELL_BACK_JEON)),
            quantity_wh=quantity_wh,
            submitted_at=start - 2 * INTERVAL + timedelta(milliseconds=len(name)),
            writer="scheduler",
            sequence=1,
        )

    def _trades(self, start: datetime, fills: list[Fill], volume_wh: int) -> Iterator[Trade]:
        buyers = [fill for fill in fills if fill.side is Side.BUY and fill.filled_wh]
        sellers = [fill for fill in fills if fill.side is Side.SELL and fill.filled_wh]
        for buyer, seller in zip(buyers, sellers, strict=False):
            yield Trade(
                trade_id=f"{start:%Y%m%dT%H%M}:{buyer.participant_id}",
                buy_order_id=buyer.order_id,
                sell_order_id=seller.order_id,
                buyer_id=buyer.participant_id,
                seller_id=seller.participant_id,
                quantity_wh=min(volume_wh, buyer.filled_wh, seller.filled_wh),
                paid_krw=buyer.paid_krw,
                received_krw=seller.received_krw,
            )

    def _reading(
        self, meter_id: str, one: Participant, kind: MeterKind, start: datetime, energy_wh: tuple[int, int]
    ) -> IntervalMetered:
        return IntervalMetered(
            complex_id=self.complex.complex_id,
            meter_id=meter_id,
            participant_id=one.participant_id,
            meter_kind=kind,
            delivery_start=start,
            import_wh=energy_wh[0],
            export_wh=energy_wh[1],
            quality=Quality.MEASURED,
        )

    def _state(
        self, device_id: str, one: Participant, kind: MeterKind, now: datetime, power_w: tuple[int, int]
    ) -> DeviceObserved:
        return DeviceObserved(
            complex_id=self.complex.complex_id,
            device_id=device_id,
            participant_id=one.participant_id,
            meter_kind=kind,
            observed_at=now,
            import_w=power_w[0],
            export_w=power_w[1],
            reachable=True,
        )

    def _plan(self, device_id: str, one: Participant, now: datetime, soc_wh: list[int]) -> ScheduleSolved:
        return ScheduleSolved(
            complex_id=self.complex.complex_id,
            schedule_id=f"{device_id}:{now:%H%M}",
            device_id=device_id,
            participant_id=one.participant_id,
            solved_at=now,
            first_delivery_start=now,
            status="optimal",
            charge_w=(0,) * 96,
            discharge_w=(0,) * 96,
            soc_wh=tuple(soc_wh),
            reasons=("hold_for_price",) * 96,
            energy_value_krw_per_kwh=(120.0,) * 96,
            solve_seconds=0.01,
        )

    def _line(self, one: Participant, net_w: int) -> SettledLine:
        imported, exported = max(0, net_w) // 4, max(0, -net_w) // 4
        return SettledLine(
            participant_id=one.participant_id,
            metered_import_wh=imported,
            metered_export_wh=exported,
            bought_wh=0,
            sold_wh=0,
            grid_import_wh=imported,
            grid_export_wh=exported,
            grid_import_price_jeon_per_kwh=GRID_JEON + 150 * len(one.contract.option),
            grid_export_price_jeon_per_kwh=SELL_BACK_JEON,
            trade_paid_krw=0,
            trade_received_krw=0,
            grid_paid_krw=imported * 150 // 1000,
            grid_received_krw=exported * 90 // 1000,
            cost_without_krw=imported * 172 // 1000,
        )


def _certified(one: Participant, load_wh: int, solar_wh: int, charge_wh: int) -> CertificateLine:
    """Return what a factory alone would have certified: its own sun, used, then stored."""
    claimed_wh = min(load_wh, solar_wh)
    stored_wh = min(charge_wh, solar_wh - claimed_wh)
    return CertificateLine(
        participant_id=one.participant_id,
        consumption_wh=load_wh,
        issued_wh=solar_wh,
        reissued_wh=0,
        received_wh=0,
        passed_on_wh=0,
        claimed_wh=claimed_wh,
        stored_wh=stored_wh,
        withdrawn_wh=solar_wh - claimed_wh - stored_wh,
        location_wh=max(0, load_wh + charge_wh - solar_wh),
        market_wh=load_wh + charge_wh - claimed_wh - stored_wh,
    )


def _hour(at: datetime) -> float:
    local = at.astimezone(KST)
    return local.hour + local.minute / 60
