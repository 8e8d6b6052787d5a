"""How participants want to be bid for, where they said so, and what was ordered for a day."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.scheduler.store.tables import BIDDING, NEED, ORDER
from shared.db.bulk import upsert_rows
from shared.events.commands import BiddingChanged
from shared.events.records import Side


def save_bidding(db: Connection, event: BiddingChanged) -> bool:
    """Keep what was stated; False where a newer version is known."""
    here = (BIDDING.c.complex_id == event.complex_id, BIDDING.c.participant_id == event.participant_id)
    known = db.scalar(sa.select(BIDDING.c.version).where(*here))
    if known is not None and known >= event.bidding_version:
        return False
    row = {
        "complex_id": event.complex_id,
        "participant_id": event.participant_id,
        "version": event.bidding_version,
        "stated": event.model_dump(mode="json"),
    }
    upsert_rows(db, BIDDING, [row])
    return True


def biddings(db: Connection, complex_id: str) -> Mapping[str, BiddingChanged]:
    """Return what was stated, by participant."""
    query = sa.select(BIDDING.c.stated).where(BIDDING.c.complex_id == complex_id)
    stated = [BiddingChanged.model_validate(row) for row in db.scalars(query)]
    return {one.participant_id: one for one in stated}


def ordered(
    db: Connection, complex_id: str, participant_id: str, begin: datetime, end: datetime
) -> Mapping[datetime, tuple[int, int]]:
    """Return what automatic orders of [begin, end) ask for or came to, by interval.

    Returns:
        The energy [Wh], and what those to buy may cost at their limits [jeon x Wh / kWh].
    """
    query = (
        sa.select(ORDER.c.delivery_start, ORDER.c.side, ORDER.c.quantity_wh, NEED.c.asked)
        .join(
            NEED,
            (NEED.c.complex_id == ORDER.c.complex_id)
            & (NEED.c.participant_id == ORDER.c.participant_id)
            & (NEED.c.delivery_start == ORDER.c.delivery_start),
        )
        .where(
            ORDER.c.complex_id == complex_id,
            ORDER.c.participant_id == participant_id,
            ORDER.c.delivery_start >= begin,
            ORDER.c.delivery_start < end,
            ORDER.c.is_automatic,
            ORDER.c.quantity_wh > 0,
        )
    )
    found: dict[datetime, tuple[int, int]] = {}
    for row in db.execute(query):
        price_jeon_per_kwh = row.asked[1] if row.asked and row.side == Side.BUY else 0
        wh, cost = found.get(row.delivery_start, (0, 0))
        found[row.delivery_start] = (wh + row.quantity_wh, cost + row.quantity_wh * price_jeon_per_kwh)
    return found
