"""What settlement does with each event: load, compute, save, emit."""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import lru_cache, partial

from sqlalchemy.engine import Connection

from optimizers.tariff import site_prices
from services.settlement import domain, store
from shared.complexes import Complex, Complexes, GridContract
from shared.events.base import Envelope, Event
from shared.events.fems import IntervalMetered, MeterKind
from shared.events.market import AuctionCleared
from shared.events.settlement import IntervalSettled, ReadingIgnored, SettledLine, StatementIssued
from shared.intervals import (
    INTERVAL,
    INTERVALS_PER_DAY,
    day_start,
    delivery_starts,
    is_delivery_start,
    trading_day_of,
)
from shared.reference import sell_back, tariff_book
from shared.runloop import RuleBroken, Service

logger = logging.getLogger(__name__)

# A thousand times what the largest grid connection of a complex file carries in 15 minutes: no meter, but a fault.
READING_WH_MAX = 10**12
DAY = timedelta(days=1)


def service(complexes: Complexes) -> Service:
    """Return the settlement of a deployment's complexes."""
    return Service(
        name="settlement",
        handlers={
            AuctionCleared: partial(on_auction_cleared, complexes),
            IntervalMetered: partial(on_interval_metered, complexes),
        },
    )


def on_auction_cleared(complexes: Complexes, envelope: Envelope[AuctionCleared], db: Connection) -> list[Event]:
    """Keep an interval's trades, those of the day before among them; settle if the meters have been faster."""
    event = envelope.event
    complex_ = _complex(complexes, event)
    store.lock(db, event.complex_id)
    if store.has_auction(db, event.complex_id, event.delivery_start):
        return []
    agreed = (*event.trades, *event.day_ahead_trades)
    strangers = {one for trade in agreed for one in (trade.buyer_id, trade.seller_id)}
    strangers -= set(complex_.by_participant)
    if strangers:
        raise RuleBroken(f"auction {event.auction_id}: traders must be participants, found {sorted(strangers)}")
    trades = [
        domain.Trade(
            trade_id=trade.trade_id,
            buyer_id=trade.buyer_id,
            seller_id=trade.seller_id,
            quantity_wh=trade.quantity_wh,
            paid_krw=trade.paid_krw,
            received_krw=trade.received_krw,
        )
        for trade in agreed
    ]
    store.save_auction(db, event.complex_id, event.delivery_start, event.auction_id, trades)
    return _settle_if_complete(complex_, event.delivery_start, envelope.event_id, envelope.occurred_at, db)


def on_interval_metered(complexes: Complexes, envelope: Envelope[IntervalMetered], db: Connection) -> list[Event]:
    """Keep a reading, and settle if it was the last one missing; a settled interval keeps its readings."""
    event = envelope.event
    complex_ = _complex(complexes, event)
    _check_reading(complex_, event)
    store.lock(db, event.complex_id)
    reading = store.Reading(
        meter_id=event.meter_id,
        participant_id=event.participant_id,
        meter_kind=event.meter_kind.value,
        delivery_start=event.delivery_start,
        import_wh=event.import_wh,
        export_wh=event.export_wh,
        quality=event.quality.value,
    )
    known = store.load_reading(db, event.complex_id, event.meter_id, event.delivery_start)
    if known is not None:
        if (known.import_wh, known.export_wh) == (reading.import_wh, reading.export_wh):
            return []
        if store.is_settled(db, event.complex_id, event.delivery_start):
            return [_ignored(event.complex_id, known, reading)]
    store.save_reading(db, event.complex_id, reading, known=known)
    if event.meter_kind is MeterKind.PV:
        return []
    return _settle_if_complete(complex_, event.delivery_start, envelope.event_id, envelope.occurred_at, db)


def _settle_if_complete(
    complex_: Complex, delivery_start: datetime, cause: uuid.UUID, settled_at: datetime, db: Connection
) -> list[Event]:
    complex_id = complex_.complex_id
    if not store.awaits_settlement(db, complex_id, delivery_start):
        return []
    metered = store.load_metered(db, complex_id, delivery_start, _settled_meters(complex_))
    if metered is None:
        return []
    trades = store.load_trades(db, complex_id, delivery_start)

    settlement = domain.settle_interval(
        delivery_start, metered=metered, prices=_prices(complex_, delivery_start), trades=trades
    )

    store.save_settlement(db, complex_id, delivery_start, settlement, cause=cause, settled_at=settled_at)
    ledger_sum_krw = store.ledger_sum_krw(db, complex_id)
    if ledger_sum_krw != 0:
        # The books are wrong: stop before anything is built on them.
        raise ValueError(f"complex {complex_id}: the ledger must sum to 0 KRW, was {ledger_sum_krw}")
    facts = {"delivery_start": delivery_start.isoformat(), "trades": len(trades)}
    logger.info("interval settled", extra={"complex_id": complex_id, **facts, "entries": len(settlement.entries)})
    settled = IntervalSettled(
        complex_id=complex_id,
        delivery_start=delivery_start,
        settled_at=settled_at,
        ledger_entries=len(settlement.entries),
        ledger_sum_krw=ledger_sum_krw,
        lines=tuple(SettledLine(**asdict(line)) for line in settlement.lines),
    )
    return [settled, *_statements_if_complete(complex_id, trading_day_of(delivery_start), db)]


def _statements_if_complete(complex_id: str, day: date, db: Connection) -> list[Event]:
    """Return the day's statements when its last interval was just settled, which happens once."""
    first = day_start(day)
    if store.settled_intervals(db, complex_id, first, first + DAY) < INTERVALS_PER_DAY:
        return []
    return [
        _statement(complex_id, participant_id, day, domain.statement_of(lines))
        for participant_id, lines in store.load_lines(db, complex_id, first, first + DAY).items()
    ]


def _statement(complex_id: str, participant_id: str, day: date, statement: domain.Statement) -> StatementIssued:
    return StatementIssued(
        complex_id=complex_id,
        statement_id=f"{day:%Y%m%d}:{participant_id}",
        participant_id=participant_id,
        trading_day=day,
        saving_krw=statement.saving_krw,
        **asdict(statement),
    )


def _ignored(complex_id: str, known: store.Reading, reading: store.Reading) -> ReadingIgnored:
    reason = (
        f"the interval was settled with import {known.import_wh} Wh and export {known.export_wh} Wh; "
        f"import {reading.import_wh} Wh and export {reading.export_wh} Wh came later"
    )
    facts = {"meter_id": reading.meter_id, "delivery_start": reading.delivery_start.isoformat(), "reason": reason}
    logger.warning("reading ignored", extra={"complex_id": complex_id, **facts})
    return ReadingIgnored(
        complex_id=complex_id, meter_id=reading.meter_id, delivery_start=reading.delivery_start, reason=reason
    )


def _complex(complexes: Complexes, event: Event) -> Complex:
    found = complexes.get(event.complex_id)
    if found is None:
        raise RuleBroken(f"complex_id must be one of {sorted(complexes)}, was {event.complex_id}")
    return found


def _check_reading(complex_: Complex, event: IntervalMetered) -> None:
    wanted = (event.meter_id, event.participant_id, event.meter_kind)
    if not any((one.device_id, one.participant_id, one.kind) == wanted for one in complex_.devices):
        raise RuleBroken(f"a reading must come from a meter of {complex_.complex_id}, came from {wanted}")
    if not is_delivery_start(event.delivery_start):
        raise RuleBroken(f"delivery_start must begin a 15-minute interval, was {event.delivery_start.isoformat()}")
    largest_wh = max(event.import_wh, event.export_wh)
    if largest_wh > READING_WH_MAX:
        raise RuleBroken(f"meter {event.meter_id}: a reading must be at most {READING_WH_MAX} Wh, was {largest_wh}")


def _settled_meters(complex_: Complex) -> frozenset[str]:
    return frozenset(one.device_id for one in complex_.devices if one.kind is not MeterKind.PV)


def _prices(complex_: Complex, delivery_start: datetime) -> Mapping[str, domain.Prices]:
    day = trading_day_of(delivery_start)
    step = (delivery_start - day_start(day)) // INTERVAL
    return {
        one.participant_id: _day_prices(one.contract, complex_.sell_back, day)[step] for one in complex_.participants
    }


@lru_cache(maxsize=1_000)
def _day_prices(contract: GridContract, sell_back_name: str, day: date) -> tuple[domain.Prices, ...]:
    """Return the prices of a Korean day's 96 intervals."""
    prices = site_prices(tariff_book(), sell_back(sell_back_name), contract, delivery_starts(day))
    pairs = zip(prices.import_jeon_per_kwh.tolist(), prices.export_jeon_per_kwh.tolist(), strict=True)
    return tuple(
        domain.Prices(import_jeon_per_kwh=charged, export_jeon_per_kwh=paid_back) for charged, paid_back in pairs
    )
