"""A day of the market without what a run makes of its own: no ids of orders and auctions, no instants of work."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.market.store.tables import AUCTION, DAY_AHEAD, FILL, ORDER
from shared.intervals import DAY, day_start


def traded_day(db: Connection, complex_id: str, day: date) -> Mapping[str, Sequence[Sequence[Any]]]:
    """Return the auctions of a Korean day and what each order got in them, by section, in no particular order."""
    first, end = day_start(day), day_start(day) + DAY

    def of_day(table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
        return table.c.complex_id == complex_id, table.c.delivery_start >= first, table.c.delivery_start < end

    names = ("delivery_start", "status", "price_jeon_per_kwh", "volume_wh", "fees_krw")
    order = sa.and_(ORDER.c.complex_id == FILL.c.complex_id, ORDER.c.order_id == FILL.c.order_id)
    fills = sa.select(
        FILL.c.delivery_start,
        *(ORDER.c[name] for name in ("participant_id", "book", "side", "price_jeon_per_kwh", "quantity_wh")),
        *(FILL.c[name] for name in ("filled_wh", "paid_krw", "received_krw")),
    )
    return {
        "auctions": db.execute(sa.select(*(AUCTION.c[name] for name in names)).where(*of_day(AUCTION))).all(),
        "day_ahead": db.execute(sa.select(*(DAY_AHEAD.c[name] for name in names)).where(*of_day(DAY_AHEAD))).all(),
        "fills": db.execute(fills.join_from(FILL, ORDER, order).where(*of_day(FILL))).all(),
    }
