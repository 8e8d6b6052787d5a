"""What automatic orders are made of, and what was ordered for it so far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.orders.bids import SiteQuote
from services.scheduler.store.tables import NEED
from shared.db.bulk import upsert_rows
from shared.events.records import OrderTerms, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A participant's interval as its newest plan sees it.

    Args:
        net_kw: Expected consumption less solar power, batteries included; below 0 is surplus.
        orders: How often it was ordered for.
        asked: What was ordered the last time; None for nothing.
    """

    participant_id: str
    delivery_start: datetime
    net_kw: float
    quote: SiteQuote
    orders: int = 0
    asked: OrderTerms | None = None


def save_needs(db: Connection, complex_id: str, needs: Iterable[Need], *, are_due: bool) -> None:
    """Keep needs, and whether what is ordered for them is still to be looked at."""
    rows = [
        {
            "complex_id": complex_id,
            "delivery_start": need.delivery_start,
            "participant_id": need.participant_id,
            "net_kw": need.net_kw,
            "import_jeon": need.quote.import_jeon,
            "export_jeon": need.quote.export_jeon,
            "value_jeon": need.quote.value_jeon,
            "is_due": are_due,
            "orders": need.orders,
            "asked": need.asked and [need.asked.side.value, need.asked.price_jeon_per_kwh, need.asked.quantity_wh],
        }
        for need in needs
    ]
    upsert_rows(db, NEED, rows)


def look_again(db: Connection, complex_id: str, participant_id: str, starts: Iterable[datetime]) -> None:
    """Let what is ordered for some intervals be looked at again."""
    here = (NEED.c.complex_id == complex_id, NEED.c.participant_id == participant_id)
    db.execute(sa.update(NEED).where(*here, NEED.c.delivery_start.in_(list(starts))).values(is_due=True))


def look_again_from(db: Connection, complex_id: str, participant_id: str, start: datetime) -> None:
    """Let what is ordered for an interval and all later ones be looked at again."""
    here = (NEED.c.complex_id == complex_id, NEED.c.participant_id == participant_id)
    db.execute(sa.update(NEED).where(*here, NEED.c.delivery_start >= start).values(is_due=True))


def due_needs(db: Connection, complex_id: str) -> Sequence[Need]:
    """Return the needs to look at, by interval and participant."""
    query = sa.select(NEED).where(NEED.c.complex_id == complex_id, NEED.c.is_due)
    return [_need(row) for row in db.execute(query.order_by(NEED.c.delivery_start, NEED.c.participant_id))]


def _need(row: sa.Row[tuple[object, ...]]) -> Need:
    asked = None
    if row.asked is not None:
        side, price_jeon_per_kwh, quantity_wh = row.asked
        asked = OrderTerms(
            delivery_start=row.delivery_start,
            side=Side(side),
            price_jeon_per_kwh=price_jeon_per_kwh,
            quantity_wh=quantity_wh,
        )
    return Need(
        participant_id=row.participant_id,
        delivery_start=row.delivery_start,
        net_kw=row.net_kw,
        quote=SiteQuote(import_jeon=row.import_jeon, export_jeon=row.export_jeon, value_jeon=row.value_jeon),
        orders=row.orders,
        asked=asked,
    )
