"""What settlement is told: an auction's trades, and what the meters said."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from optimizers.settlement.interval import SettledTrade
from services.settlement.handlers.certifying import note_certifiable
from services.settlement.handlers.settling import Occasion, note_afterwards, resettle, settle_if_complete
from services.settlement.store.facts import (
    has_auction,
    is_settled,
    load_reading,
    lock,
    readings_known,
    replace_reading,
    save_auction,
    save_readings,
)
from services.settlement.store.operators import save_link
from services.settlement.store.tables import KeptReading
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.base import Envelope, Event
from shared.events.commands import DeedRecorded
from shared.events.fems import IntervalMetered, MeterKind
from shared.events.market import AuctionCleared
from shared.events.settlement import ReadingIgnored
from shared.intervals import is_delivery_start
from shared.runtime.handlers import Caused
from shared.runtime.runloop import RuleBroken

logger = logging.getLogger(__name__)

# A thousand times what the largest grid connection of a complex file carries in 15 minutes: no meter, but a fault.
READING_WH_MAX = 10**12


class SettlementHandlers:
    """Keep trades and readings, and settle what is complete."""

    def __init__(self, complexes: Complexes) -> None:
        self._complexes = complexes

    def on_auction_cleared(self, envelope: Envelope[AuctionCleared], db: Connection) -> list[Event]:
        """Keep an interval's trades, those of the day before among them; settle if the meters have been faster."""
        event = envelope.event
        complex_ = self._complexes.at(event.complex_id, event.delivery_start)
        lock(db, event.complex_id)
        if has_auction(db, event.complex_id, event.delivery_start):
            return []
        agreed = (*event.trades, *event.day_ahead_trades)
        strangers = {party for trade in agreed for party in (trade.buyer_id, trade.seller_id)}
        strangers -= set(complex_.by_participant)
        if strangers:
            raise RuleBroken(f"auction {event.auction_id}: traders must be participants, found {sorted(strangers)}")
        trades = [
            SettledTrade(
                trade_id=trade.trade_id,
                buyer_id=trade.buyer_id,
                seller_id=trade.seller_id,
                quantity_wh=trade.quantity_wh,
                paid_krw=trade.paid_krw,
                received_krw=trade.received_krw,
            )
            for trade in agreed
        ]
        save_auction(
            db,
            event.complex_id,
            event.delivery_start,
            event.auction_id,
            trades,
            price_jeon_per_kwh=event.price_jeon_per_kwh,
        )
        occasion = Occasion(cause=envelope.event_id, at=envelope.occurred_at)
        settled = settle_if_complete(complex_, event.delivery_start, occasion, db)
        if settled:
            note_certifiable(complex_, event.delivery_start, db)
        return settled

    def on_deed_recorded(self, envelope: Envelope[DeedRecorded], db: Connection) -> list[Event]:
        """Keep a link of the operators' chain."""
        event = envelope.event
        lock(db, event.complex_id)
        save_link(db, event.complex_id, event.number, event.hash, at=event.recorded_at)
        return []

    def on_interval_metered(self, envelopes: Sequence[Envelope[IntervalMetered]], db: Connection) -> Sequence[Caused]:
        """Keep readings; settle what they complete, and settle again what they correct."""
        by_complex: defaultdict[str, list[Envelope[IntervalMetered]]] = defaultdict(list)
        for envelope in envelopes:
            # A feeder's meter checks those of its factories; no money hangs on it.
            if envelope.event.meter_kind is not MeterKind.FEEDER:
                _check_reading(self._complex_of(envelope.event), envelope.event)
                by_complex[envelope.event.complex_id].append(envelope)
        made: list[Caused] = []
        for complex_id, of_complex in by_complex.items():
            lock(db, complex_id)
            known = readings_known(db, complex_id, [_place(envelope.event) for envelope in of_complex])
            first: list[Envelope[IntervalMetered]] = []
            for envelope in of_complex:
                if _place(envelope.event) in known:
                    made += self._take_first(first, db)
                    made += [Caused(envelope.event_id, event) for event in self._take_again(envelope, db)]
                    first = []
                else:
                    first.append(envelope)
                    known.add(_place(envelope.event))
            made += self._take_first(first, db)
        return made

    def _complex_of(self, event: IntervalMetered) -> Complex:
        return self._complexes.at(event.complex_id, event.delivery_start)

    def _take_first(self, envelopes: Sequence[Envelope[IntervalMetered]], db: Connection) -> list[Caused]:
        """Keep meters' first readings of intervals, all of one complex."""
        if not envelopes:
            return []
        save_readings(db, envelopes[0].event.complex_id, [_kept(envelope.event) for envelope in envelopes])
        by_interval: defaultdict[datetime, list[Envelope[IntervalMetered]]] = defaultdict(list)
        for envelope in envelopes:
            by_interval[envelope.event.delivery_start].append(envelope)
        made: list[Caused] = []
        for delivery_start, of_interval in by_interval.items():
            complex_ = self._complex_of(of_interval[0].event)
            roofs = [one.event.participant_id for one in of_interval if one.event.meter_kind is MeterKind.PV]
            if roofs:
                note_afterwards(complex_.complex_id, roofs, delivery_start, db)
            settling = [envelope for envelope in of_interval if envelope.event.meter_kind is not MeterKind.PV]
            # What is complete now was completed by the last of them; a settled interval is corrected by each.
            if settling and not is_settled(db, complex_.complex_id, delivery_start):
                settling = settling[-1:]
            settled = [
                Caused(envelope.event_id, event) for envelope in settling for event in self._settle(envelope, db)
            ]
            if roofs or settled:
                note_certifiable(complex_, delivery_start, db)
            made += settled
        return made

    def _take_again(self, envelope: Envelope[IntervalMetered], db: Connection) -> list[Event]:
        """Take in what a meter says of an interval that it has spoken of before."""
        event = envelope.event
        complex_, reading = self._complex_of(event), _kept(event)
        known = load_reading(db, event.complex_id, event.meter_id, event.delivery_start)
        if not event.supersedes(known):
            return _ignored(event.complex_id, known, reading)
        replace_reading(db, event.complex_id, known, reading, cause=envelope.event_id, at=envelope.occurred_at)
        if known.energy_wh == reading.energy_wh:
            # No won depends on it; whether it was measured is for invoices and certificates.
            if known.quality.is_guess != reading.quality.is_guess:
                note_afterwards(event.complex_id, [event.participant_id], event.delivery_start, db)
                note_certifiable(complex_, event.delivery_start, db)
            return []
        if event.meter_kind is MeterKind.PV:
            note_afterwards(event.complex_id, [event.participant_id], event.delivery_start, db)
            note_certifiable(complex_, event.delivery_start, db)
            return []
        settled = self._settle(envelope, db)
        if settled:
            note_certifiable(complex_, event.delivery_start, db)
        return settled

    def _settle(self, envelope: Envelope[IntervalMetered], db: Connection) -> list[Event]:
        """Settle an interval if it is complete, or again if it was settled."""
        event, complex_ = envelope.event, self._complex_of(envelope.event)
        occasion = Occasion(cause=envelope.event_id, at=envelope.occurred_at)
        if is_settled(db, event.complex_id, event.delivery_start):
            return resettle(complex_, event.delivery_start, event.meter_id, occasion, db)
        return settle_if_complete(complex_, event.delivery_start, occasion, db)


def _place(event: IntervalMetered) -> tuple[str, datetime]:
    return event.meter_id, event.delivery_start


def _kept(event: IntervalMetered) -> KeptReading:
    return KeptReading(
        meter_id=event.meter_id,
        participant_id=event.participant_id,
        meter_kind=event.meter_kind.value,
        delivery_start=event.delivery_start,
        import_wh=event.import_wh,
        export_wh=event.export_wh,
        quality=event.quality,
        reading_version=event.reading_version,
    )


def _ignored(complex_id: str, known: KeptReading, reading: KeptReading) -> list[Event]:
    """Say that a guess does not replace a measurement; an older version or the same energy again is nothing to tell."""
    if reading.reading_version < known.reading_version or reading.energy_wh == known.energy_wh:
        return []
    reason = (
        f"import {known.import_wh} Wh and export {known.export_wh} Wh were measured; "
        f"an estimate of import {reading.import_wh} Wh and export {reading.export_wh} Wh does not replace them"
    )
    facts = {"meter_id": reading.meter_id, "delivery_start": reading.delivery_start.isoformat(), "reason": reason}
    logger.warning("reading ignored", extra={"complex_id": complex_id, **facts})
    ignored = ReadingIgnored(
        complex_id=complex_id, meter_id=reading.meter_id, delivery_start=reading.delivery_start, reason=reason
    )
    return [ignored]


def _check_reading(complex_: Complex, event: IntervalMetered) -> None:
    meter = complex_.by_device.get(event.meter_id)
    if meter is None or (meter.participant_id, meter.kind) != (event.participant_id, event.meter_kind):
        came_from = (event.meter_id, event.participant_id, event.meter_kind)
        raise RuleBroken(f"a reading must come from a meter of {complex_.complex_id}, came from {came_from}")
    if not is_delivery_start(event.delivery_start):
        raise RuleBroken(f"delivery_start must begin a 15-minute interval, was {event.delivery_start.isoformat()}")
    largest_wh = max(event.import_wh, event.export_wh)
    if largest_wh > READING_WH_MAX:
        raise RuleBroken(f"meter {event.meter_id}: a reading must be at most {READING_WH_MAX} Wh, was {largest_wh}")
