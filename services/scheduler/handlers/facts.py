"""Keep what the other services say, and raise the alarm where a converter does not do as it was told."""

import logging
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from optimizers.orders.rules import OrderRules
from optimizers.tariff.peaks import demand_month
from services.scheduler import domain, store
from services.scheduler.store.biddings import save_bidding
from services.scheduler.store.needs import look_again, look_again_from
from services.scheduler.store.orders import save_amended, save_ended, save_fills, save_submitted
from shared.complex.complexes import Complexes
from shared.complex.model import Ess
from shared.events.base import Envelope, Event
from shared.events.commands import BiddingChanged
from shared.events.fems import DeviceObserved, IntervalMetered, MeterKind, SetpointConfirmed, SetpointRefused
from shared.events.forecast import ForecastIssued
from shared.events.market import (
    AuctionCleared,
    CalendarChanged,
    DayAheadCleared,
    MarketHalted,
    MarketResumed,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    ParticipantResumed,
    ParticipantSuspended,
)
from shared.events.orders import OrderSubmitted
from shared.intervals import INTERVAL, interval_of
from shared.reference.load import tariff_book
from shared.runtime.handlers import Caused, absolute
from shared.units import WH_PER_KWH

logger = logging.getLogger(__name__)

# Refusals of a command that came twice or too late behind a newer one: the converter obeys the other one.
KEEPS_EARLIER = frozenset({"repeated", "out_of_order"})


class SchedulerHandlers:
    """Keep what plans and bids are made of; beside an event, only the complexes' files are known."""

    def __init__(self, complexes: Complexes) -> None:
        self._complexes = complexes
        self._ess = {
            (complex_id, ess.device_id): ess
            for complex_id, complex_ in complexes.items()
            for participant in complex_.participants
            for ess in participant.ess
        }

    @absolute
    def on_interval_metered(self, envelopes: Sequence[Envelope[IntervalMetered]], db: Connection) -> Sequence[Caused]:
        """Keep a factory's highest billable demand of each month: below it, shaving is worth nothing."""
        highest: dict[tuple[str, str, str], int] = {}
        for envelope in envelopes:
            event = envelope.event
            month = self._billable_month(event)
            if month is not None:
                place = (event.complex_id, event.participant_id, month)
                highest[place] = max(event.import_wh, highest.get(place, 0))
        store.save_peaks(db, highest)
        return []

    def _billable_month(self, event: IntervalMetered) -> str | None:
        """Return the month whose demand charge a reading counts for, None where no battery could lower it."""
        if event.meter_kind is not MeterKind.GRID or event.import_wh == 0:
            return None
        complex_ = self._complexes.at(event.complex_id, event.delivery_start)
        participant = complex_.by_participant.get(event.participant_id)
        if participant is None or not participant.ess:
            return None
        return demand_month(tariff_book(), participant.contract, event.delivery_start)

    @absolute
    def on_device_observed(self, envelope: Envelope[DeviceObserved], db: Connection) -> Sequence[Event]:
        """Keep a battery's newest measured state; say once an interval where its converter is off its set-point."""
        event = envelope.event
        ess = self._ess.get((event.complex_id, event.device_id))
        if ess is None or event.soc_wh is None or not event.reachable:
            return []
        store.save_ess_state(db, event)
        _alarm(db, event, ess)
        return []

    def on_forecast_issued(self, envelope: Envelope[ForecastIssued], db: Connection) -> Sequence[Event]:
        """Keep the newest forecast of a site."""
        store.save_forecast(db, envelope.event)
        return []

    def on_auction_cleared(self, envelope: Envelope[AuctionCleared], db: Connection) -> Sequence[Event]:
        """Keep what was traded; the plan takes it as fixed."""
        event = envelope.event
        store.save_positions(db, event)
        save_fills(db, event)
        store.save_progress(db, event.complex_id, cleared_through=event.delivery_start)
        return []

    def on_day_ahead_cleared(self, envelope: Envelope[DayAheadCleared], db: Connection) -> Sequence[Event]:
        """Keep what was agreed for an interval of tomorrow; no automatic order asks for it again."""
        store.save_positions(db, envelope.event)
        return []

    def on_order_submitted(self, envelope: Envelope[OrderSubmitted], db: Connection) -> Sequence[Event]:
        """Keep an order of people's, from when it is on its way; of the day before only what it came to counts."""
        event = envelope.event
        if event.auction == "intraday" and save_submitted(db, event, is_automatic=False):
            _look_again(db, event)
        return []

    def on_bidding_changed(self, envelope: Envelope[BiddingChanged], db: Connection) -> Sequence[Event]:
        """Bid as was wanted, from the interval on that was answered."""
        event = envelope.event
        if save_bidding(db, event):
            look_again_from(db, event.complex_id, event.participant_id, event.effective_from)
        return []

    def on_order_amended(self, envelope: Envelope[OrderAmended], db: Connection) -> Sequence[Event]:
        """Keep what an order asks for now."""
        save_amended(db, envelope.event)
        _look_again(db, envelope.event)
        return []

    def on_order_rejected(self, envelope: Envelope[OrderRejected], db: Connection) -> Sequence[Event]:
        """Count an order no more."""
        return _ended(envelope.event, db)

    def on_order_cancelled(self, envelope: Envelope[OrderCancelled], db: Connection) -> Sequence[Event]:
        """Count an order no more."""
        return _ended(envelope.event, db)

    def on_market_halted(self, envelope: Envelope[MarketHalted], db: Connection) -> Sequence[Event]:
        """Bid no more: the orders would be refused."""
        store.save_progress(db, envelope.event.complex_id, is_halted=True)
        return []

    def on_calendar_changed(self, envelope: Envelope[CalendarChanged], db: Connection) -> Sequence[Event]:
        """Keep a version of the market calendar: automatic orders fit the one in force when they are stamped."""
        event = envelope.event
        store.save_rules(db, event.complex_id, OrderRules(version=event.calendar_version, calendar=event.calendar))
        return []

    def on_market_resumed(self, envelope: Envelope[MarketResumed], db: Connection) -> Sequence[Event]:
        """Bid again, for intervals whose turn has not come yet."""
        store.save_progress(db, envelope.event.complex_id, is_halted=False)
        return []

    def on_participant_suspended(self, envelope: Envelope[ParticipantSuspended], db: Connection) -> Sequence[Event]:
        """Bid no more for a participant; its batteries are planned and dispatched on."""
        store.save_suspended(db, envelope.event.complex_id, envelope.event.participant_id)
        return []

    def on_participant_resumed(self, envelope: Envelope[ParticipantResumed], db: Connection) -> Sequence[Event]:
        """Bid for a participant again."""
        store.forget_suspended(db, envelope.event.complex_id, envelope.event.participant_id)
        return []

    def on_setpoint_confirmed(self, envelope: Envelope[SetpointConfirmed], db: Connection) -> Sequence[Event]:
        """Nothing changes: the next plan starts from the measured state."""
        del db
        logger.debug("set-point confirmed", extra={"setpoint_id": envelope.event.setpoint_id})
        return []

    def on_setpoint_refused(self, envelope: Envelope[SetpointRefused], db: Connection) -> Sequence[Event]:
        """Remember that the converter stays idle, unless it keeps an earlier command, and tell the operator's log."""
        event = envelope.event
        if event.reason not in KEEPS_EARLIER:
            store.forget_setpoint(db, event.complex_id, event.device_id, event.delivery_start)
        logger.warning(
            "set-point refused",
            extra={"device_id": event.device_id, "delivery_start": event.delivery_start, "reason": event.reason},
        )
        return []


def _ended(event: OrderRejected | OrderCancelled, db: Connection) -> Sequence[Event]:
    save_ended(db, event)
    _look_again(db, event)
    return []


def _look_again(db: Connection, event: OrderSubmitted | OrderAmended | OrderRejected | OrderCancelled) -> None:
    look_again(db, event.complex_id, event.participant_id, [event.delivery_start])


def _alarm(db: Connection, event: DeviceObserved, ess: Ess) -> None:
    running = interval_of(event.observed_at)
    told = store.load_setpoints(db, event.complex_id, running, running + INTERVAL).get(event.device_id, {})
    if running not in told:
        return
    measured = domain.Measured(
        event.observed_at, (event.soc_wh or 0) / WH_PER_KWH, charge_w=event.import_w, discharge_w=event.export_w
    )
    off_w = domain.deviation_w(measured, told[running], ess)
    if off_w is not None and store.mark_alarmed(db, event.complex_id, event.device_id, running):
        logger.warning(
            "converter does not follow its set-point",
            extra={
                "complex_id": event.complex_id,
                "device_id": event.device_id,
                "delivery_start": running.isoformat(),
                "setpoint_w": told[running],
                "off_w": off_w,
            },
        )
