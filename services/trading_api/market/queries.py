"""Auctions, trades and whether the market is halted."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import of_complex, rows_of
from services.trading_api.market.tables import AUCTION, DAY_AHEAD, DEED, MARKET_STATE, TRADE, TRADE_RECORD
from services.trading_api.text import Row
from shared.events.records import Trade


def save_deed(db: Connection, row: Row) -> None:
    """Keep what an operator asked for."""
    db.execute(sa.insert(DEED), [row])


def decide_deed(db: Connection, complex_id: str, deed_id: str, decision: Row) -> None:
    """Keep what came of a deed; of one that this database never saw nothing is kept."""
    db.execute(sa.update(DEED).where(DEED.c.complex_id == complex_id, DEED.c.deed_id == deed_id).values(decision))


def deed(db: Connection, complex_id: str, deed_id: str) -> RowMapping | None:
    """Return one deed, or None."""
    return db.execute(of_complex(DEED, complex_id).where(DEED.c.deed_id == deed_id)).mappings().one_or_none()


def deed_list(complex_id: str) -> Listing:
    """List deeds, the latest first."""
    return Listing("deeds", of_complex(DEED, complex_id), (DEED.c.requested_at, DEED.c.deed_id))


def auction_list(complex_id: str) -> Listing:
    """List auctions by delivery, the latest first."""
    return Listing(
        "auctions", sa.select(AUCTION).where(AUCTION.c.complex_id == complex_id), (AUCTION.c.delivery_start,)
    )


def day_ahead_list(complex_id: str) -> Listing:
    """List the day-ahead auctions' intervals by delivery, the latest first."""
    return Listing("day_ahead", of_complex(DAY_AHEAD, complex_id), (DAY_AHEAD.c.delivery_start,))


def trade_copies(db: Connection, complex_id: str) -> Mapping[str, Trade]:
    """Return the trades that are kept here, by id."""
    rows = db.execute(of_complex(TRADE, complex_id)).mappings()
    return {row["trade_id"]: TRADE_RECORD.record(row) for row in rows}


def trade_list(complex_id: str, *, seen_by: str | None, delivery_start: datetime | None = None) -> Listing:
    """List trades by delivery, the latest first."""
    query = sa.select(TRADE).where(TRADE.c.complex_id == complex_id)
    if seen_by is not None:
        query = query.where((TRADE.c.buyer_id == seen_by) | (TRADE.c.seller_id == seen_by))
    if delivery_start is not None:
        query = query.where(TRADE.c.delivery_start == delivery_start)
    return Listing("trades", query, (TRADE.c.delivery_start, TRADE.c.trade_id))


def auction(db: Connection, complex_id: str, delivery_start: datetime) -> RowMapping | None:
    """Return one auction, or None."""
    query = of_complex(AUCTION, complex_id).where(AUCTION.c.delivery_start == delivery_start)
    return db.execute(query).mappings().one_or_none()


def auctions_between(db: Connection, complex_id: str, first: datetime, end: datetime) -> Sequence[RowMapping]:
    """Return the auctions of [first, end) by delivery."""
    query = of_complex(AUCTION, complex_id).where(AUCTION.c.delivery_start >= first, AUCTION.c.delivery_start < end)
    return rows_of(db, query.order_by(AUCTION.c.delivery_start))


def day_ahead_between(db: Connection, complex_id: str, first: datetime, end: datetime) -> Sequence[RowMapping]:
    """Return the day-ahead results of [first, end) by delivery."""
    query = of_complex(DAY_AHEAD, complex_id).where(
        DAY_AHEAD.c.delivery_start >= first, DAY_AHEAD.c.delivery_start < end
    )
    return rows_of(db, query.order_by(DAY_AHEAD.c.delivery_start))


def market_state(db: Connection, complex_id: str) -> RowMapping | None:
    """Return whether the market is halted, since when and why; None where it never was."""
    return db.execute(of_complex(MARKET_STATE, complex_id)).mappings().one_or_none()
