"""What was agreed the day before."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.clearing import Trade
from services.market.domain import DayAhead, Position
from services.market.store.tables import DAY_AHEAD, DAY_AHEAD_TRADE

_FACTS = ("buy_order_id", "sell_order_id", "buyer_id", "seller_id", "quantity_wh", "paid_krw", "received_krw")


def save_day_ahead(
    db: Connection, complex_id: str, answer: DayAhead, *, auction_ids: list[str], cleared_at: datetime
) -> None:
    """Keep a daily auction's prices and trades."""
    auctions, trades = [], []
    for interval, auction_id in zip(answer.intervals, auction_ids, strict=True):
        place = {"complex_id": complex_id, "delivery_start": interval.delivery_start}
        outcome = interval.outcome
        auction = {
            **place,
            "auction_id": auction_id,
            "cleared_at": cleared_at,
            "status": "halted" if answer.is_halted else "cleared",
            "price_jeon_per_kwh": outcome.price_jeon_per_kwh,
            "volume_wh": outcome.volume_wh,
            "fees_krw": outcome.fees_krw,
            "book_hash": interval.book_hash,
            "method": answer.method,
        }
        auctions.append(auction)
        for number, trade in enumerate(interval.trades, start=1):
            facts = {name: getattr(trade, name) for name in _FACTS}
            trades.append({**place, "number": number, "trade_id": f"{auction_id}:{number}", **facts})
    db.execute(sa.insert(DAY_AHEAD), auctions)
    if trades:
        db.execute(sa.insert(DAY_AHEAD_TRADE), trades)


def load_day_ahead_trades(db: Connection, complex_id: str, delivery_start: datetime) -> list[tuple[str, Trade]]:
    """Return an interval's trades of the day before, each with its name."""
    own = (DAY_AHEAD_TRADE.c.complex_id == complex_id, DAY_AHEAD_TRADE.c.delivery_start == delivery_start)
    rows = db.execute(sa.select(DAY_AHEAD_TRADE).where(*own).order_by(DAY_AHEAD_TRADE.c.number)).mappings()
    return [(row["trade_id"], Trade(**{name: row[name] for name in _FACTS})) for row in rows]


def positions_of(trades: list[tuple[str, Trade]]) -> dict[str, Position]:
    """Return what each participant bought and sold."""
    found: dict[str, Position] = {}
    for _, trade in trades:
        buyer = found.get(trade.buyer_id, Position(0, 0))
        found[trade.buyer_id] = Position(buyer.bought_wh + trade.quantity_wh, buyer.sold_wh)
        seller = found.get(trade.seller_id, Position(0, 0))
        found[trade.seller_id] = Position(seller.bought_wh, seller.sold_wh + trade.quantity_wh)
    return found
