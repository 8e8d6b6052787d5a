"""What was agreed the day before."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.market.domain.auction import Position
from services.market.domain.day_ahead import DayAhead
from services.market.store.tables import DAY_AHEAD, DAY_AHEAD_TRADE, DAY_AHEAD_TRADE_RECORD
from shared.events.market import DayAheadCleared
from shared.events.records import Trade


def save_day_ahead(
    db: Connection, complex_id: str, answer: DayAhead, *, cleared: Sequence[DayAheadCleared], cleared_at: datetime
) -> None:
    """Keep a daily auction's prices and trades."""
    auctions, trades = [], []
    for interval, event in zip(answer.intervals, cleared, strict=True):
        place = {"complex_id": complex_id, "delivery_start": interval.delivery_start}
        outcome = interval.outcome
        auction = {
            **place,
            "auction_id": event.auction_id,
            "cleared_at": cleared_at,
            "status": "halted" if answer.is_halted else "cleared",
            "price_jeon_per_kwh": outcome.price_jeon_per_kwh,
            "volume_wh": outcome.volume_wh,
            "fees_krw": outcome.fees_krw,
            "book_hash": interval.book_hash,
            "method": answer.method,
        }
        auctions.append(auction)
        numbered = enumerate(event.trades, start=1)
        trades += [DAY_AHEAD_TRADE_RECORD.row(trade, **place, number=number) for number, trade in numbered]
    db.execute(sa.insert(DAY_AHEAD), auctions)
    if trades:
        db.execute(sa.insert(DAY_AHEAD_TRADE), trades)


def load_day_ahead_trades(db: Connection, complex_id: str, delivery_start: datetime) -> list[Trade]:
    """Return an interval's trades of the day before."""
    own = (DAY_AHEAD_TRADE.c.complex_id == complex_id, DAY_AHEAD_TRADE.c.delivery_start == delivery_start)
    query = sa.select(*DAY_AHEAD_TRADE_RECORD.columns).where(*own).order_by(DAY_AHEAD_TRADE.c.number)
    return [DAY_AHEAD_TRADE_RECORD.of(row) for row in db.execute(query)]


def positions_of(trades: Sequence[Trade]) -> dict[str, Position]:
    """Return what each participant bought and sold."""
    found: dict[str, Position] = {}
    for trade in trades:
        buyer = found.get(trade.buyer_id, Position(0, 0))
        found[trade.buyer_id] = Position(buyer.bought_wh + trade.quantity_wh, buyer.sold_wh)
        seller = found.get(trade.seller_id, Position(0, 0))
        found[trade.seller_id] = Position(seller.bought_wh, seller.sold_wh + trade.quantity_wh)
    return found
