"""Settle an interval, settle it again, and sum a day up."""

import logging
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy.engine import Connection

from optimizers.settlement.imbalance import imbalance_prices
from optimizers.settlement.interval import Prices, Settlement, resettle_interval, settle_interval
from optimizers.settlement.losses import losses_wh
from optimizers.settlement.statements import Statement
from optimizers.tariff.site import site_prices
from services.settlement.handlers.saving import stored_values_krw
from services.settlement.store.books import (
    append_entries,
    interval_sums,
    ledger_head,
    load_lines,
    load_statements,
    save_lines,
    save_settled,
    settled_intervals,
)
from services.settlement.store.facts import (
    awaits_settlement,
    is_settled,
    load_auction_price,
    load_corrected,
    load_metered,
    load_trades,
)
from services.settlement.store.invoices import note_due
from services.settlement.store.operators import operators_head
from shared.complex.contract import GridContract
from shared.complex.imbalance import rule_on
from shared.complex.model import Complex
from shared.events.base import Event
from shared.events.settlement import IntervalResettled, IntervalSettled, StatementIssued
from shared.intervals import DAY, INTERVAL, INTERVALS_PER_DAY, day_start, delivery_starts, trading_day_of
from shared.reference.load import sell_back, tariff_book

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Occasion:
    """The event that brought a settlement about, and when it occurred."""

    cause: uuid.UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """An interval's part of the ledger, and the last link of the ledger's chain."""

    ledger_entries: int
    ledger_sum_krw: int
    ledger_number: int | None
    ledger_hash: str | None


@dataclass(frozen=True, slots=True)
class Heads:
    """The last links of the ledger's chain and of the operators' chain, None where a chain has not begun."""

    ledger_number: int | None
    ledger_hash: str | None
    operators_number: int | None
    operators_hash: str | None


def settle_if_complete(complex_: Complex, delivery_start: datetime, occasion: Occasion, db: Connection) -> list[Event]:
    """Settle an interval whose auction and readings are all in."""
    complex_id = complex_.complex_id
    if not awaits_settlement(db, complex_id, delivery_start):
        return []
    metered = load_metered(db, complex_id, delivery_start, complex_.settled_meters)
    if metered is None:
        return []
    trades = load_trades(db, complex_id, delivery_start)

    settlement = settle_interval(
        delivery_start,
        metered=metered,
        prices=_prices(complex_, delivery_start, db),
        trades=trades,
        losses_wh=losses_wh(trades, complex_.feeder_of, complex_.loss_fraction_of),
    )

    save_settled(db, complex_id, delivery_start, occasion.at)
    books = _save(db, complex_id, delivery_start, settlement, occasion, revisions={})
    settled = IntervalSettled(
        complex_id=complex_id,
        delivery_start=delivery_start,
        settled_at=occasion.at,
        ledger_entries=books.ledger_entries,
        ledger_sum_krw=books.ledger_sum_krw,
        lines=settlement.lines,
        ledger_number=books.ledger_number,
        ledger_hash=books.ledger_hash,
    )
    return [settled, *_statements_if_complete(complex_, delivery_start, complex_.by_participant, db)]


def resettle(
    complex_: Complex, delivery_start: datetime, meter_id: str, occasion: Occasion, db: Connection
) -> list[Event]:
    """Settle a settled interval again, with a meter's corrected value."""
    complex_id = complex_.complex_id
    history = load_lines(db, complex_id, delivery_start, delivery_start + INTERVAL)
    settled = {participant_id: intervals[delivery_start] for participant_id, intervals in history.items()}
    metered = load_corrected(db, complex_id, delivery_start)
    trades = load_trades(db, complex_id, delivery_start)

    settlement = resettle_interval(delivery_start, settled=settled, metered=metered, trades=trades)

    revisions = {participant_id: len(lines) for participant_id, lines in settled.items()}
    books = _save(db, complex_id, delivery_start, settlement, occasion, revisions=revisions)
    resettled = IntervalResettled(
        complex_id=complex_id,
        delivery_start=delivery_start,
        resettled_at=occasion.at,
        meter_id=meter_id,
        ledger_entries=books.ledger_entries,
        ledger_sum_krw=books.ledger_sum_krw,
        lines=settlement.lines,
        ledger_number=books.ledger_number,
        ledger_hash=books.ledger_hash,
    )
    changed = [line.participant_id for line in settlement.lines]
    return [resettled, *_statements_if_complete(complex_, delivery_start, changed, db)]


def _save(
    db: Connection,
    complex_id: str,
    delivery_start: datetime,
    settlement: Settlement,
    occasion: Occasion,
    *,
    revisions: Mapping[str, int],
) -> Books:
    """Put lines and entries into the books."""
    save_lines(db, complex_id, delivery_start, settlement.lines, revisions)
    append_entries(db, complex_id, delivery_start, settlement.entries, cause=occasion.cause)
    ledger_entries, ledger_sum_krw = interval_sums(db, complex_id, delivery_start)
    if ledger_sum_krw != 0:
        # The books are wrong: stop before anything is built on them.
        raise ValueError(f"complex {complex_id}: the ledger of {delivery_start} must sum to 0, was {ledger_sum_krw}")
    facts = {"complex_id": complex_id, "delivery_start": delivery_start.isoformat()}
    logger.info("interval settled", extra={**facts, "entries": len(settlement.entries), "again": bool(revisions)})
    return Books(ledger_entries, ledger_sum_krw, *(ledger_head(db, complex_id) or (None, None)))


def _statements_if_complete(
    complex_: Complex, delivery_start: datetime, participant_ids: Collection[str], db: Connection
) -> list[Event]:
    """Return the day's statements once its last interval is settled, and again where one was settled again.

    With them the month's invoices become due.
    """
    complex_id, day = complex_.complex_id, trading_day_of(delivery_start)
    first = day_start(day)
    if settled_intervals(db, complex_id, first, first + DAY) < INTERVALS_PER_DAY:
        return []
    note_due(db, complex_id, f"{day:%Y-%m}", participant_ids)
    sums = load_statements(db, complex_id, first, first + DAY, participant_ids)
    stored_krw = stored_values_krw(complex_, first, first + DAY, participant_ids, db)
    statements = {one: replace(found, stored_value_krw=stored_krw.get(one, 0)) for one, found in sums.items()}
    heads = Heads(*(ledger_head(db, complex_id) or (None, None)), *(operators_head(db, complex_id) or (None, None)))
    return [_issued(complex_id, one, day, statement, heads) for one, statement in statements.items()]


def _issued(complex_id: str, participant_id: str, day: date, statement: Statement, heads: Heads) -> StatementIssued:
    return StatementIssued(
        complex_id=complex_id,
        statement_id=f"{day:%Y%m%d}:{participant_id}",
        participant_id=participant_id,
        trading_day=day,
        intervals=statement.intervals,
        bought_wh=statement.bought_wh,
        sold_wh=statement.sold_wh,
        grid_import_wh=statement.grid_import_wh,
        grid_export_wh=statement.grid_export_wh,
        trade_paid_krw=statement.trade_paid_krw,
        trade_received_krw=statement.trade_received_krw,
        grid_paid_krw=statement.grid_paid_krw,
        grid_received_krw=statement.grid_received_krw,
        cost_with_krw=statement.cost_with_krw,
        cost_without_krw=statement.cost_without_krw,
        saving_krw=statement.saving_krw,
        revision=statement.revision,
        spread_krw=statement.spread_krw,
        loss_wh=statement.loss_wh,
        loss_krw=statement.loss_krw,
        stored_value_krw=statement.stored_value_krw,
        ledger_number=heads.ledger_number,
        ledger_hash=heads.ledger_hash,
        operators_number=heads.operators_number,
        operators_hash=heads.operators_hash,
    )


def note_afterwards(
    complex_id: str, participant_ids: Collection[str], delivery_start: datetime, db: Connection
) -> None:
    """Let a month be invoiced again if something of it came to be known after its day had been settled."""
    if not is_settled(db, complex_id, delivery_start):
        return
    day = trading_day_of(delivery_start)
    if settled_intervals(db, complex_id, day_start(day), day_start(day) + DAY) == INTERVALS_PER_DAY:
        note_due(db, complex_id, f"{day:%Y-%m}", participant_ids)


def _prices(complex_: Complex, delivery_start: datetime, db: Connection) -> Mapping[str, Prices]:
    day = trading_day_of(delivery_start)
    step = (delivery_start - day_start(day)) // INTERVAL
    rule = rule_on(complex_.imbalance, day)
    auction_jeon = load_auction_price(db, complex_.complex_id, delivery_start)
    grid = {
        participant.participant_id: _day_prices(participant.contract, complex_.sell_back, day)[step]
        for participant in complex_.participants
    }
    return {one: imbalance_prices(rule, prices, auction_jeon) for one, prices in grid.items()}


@lru_cache(maxsize=1_000)
def _day_prices(contract: GridContract, sell_back_name: str, day: date) -> tuple[Prices, ...]:
    """Return the prices of a Korean day's 96 intervals."""
    prices = site_prices(tariff_book(), sell_back(sell_back_name), contract, delivery_starts(day))
    pairs = zip(prices.import_jeon_per_kwh.tolist(), prices.export_jeon_per_kwh.tolist(), strict=True)
    return tuple(Prices(import_jeon_per_kwh=charged, export_jeon_per_kwh=paid_back) for charged, paid_back in pairs)
