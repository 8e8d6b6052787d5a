"""What the auctions gave."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.clearing.book import BookFill
from services.market.domain.auction import Auction, Terms, terms_from, terms_record
from services.market.store.progress import save_cleared_through
from services.market.store.tables import AUCTION, FILL, SEAL


@dataclass(frozen=True, slots=True)
class Held:
    """When an auction was held, for which interval, and the hash of what was published about it."""

    auction_id: str
    delivery_start: datetime
    cleared_at: datetime
    event_sha256: str | None


def save_auction(db: Connection, complex_id: str, auction: Auction, held: Held) -> None:
    """Keep an auction with its fills and certificate, and drop the seals that it used up."""
    place = {"complex_id": complex_id, "delivery_start": held.delivery_start}
    db.execute(
        sa.insert(AUCTION).values(
            **place,
            auction_id=held.auction_id,
            cleared_at=held.cleared_at,
            status=auction.status,
            price_jeon_per_kwh=auction.outcome.price_jeon_per_kwh,
            volume_wh=auction.outcome.volume_wh,
            fees_krw=auction.outcome.fees_krw,
            book_hash=auction.book_hash,
            certificate=sa.null() if auction.certificate is None else dict(auction.certificate),
            terms=terms_record(auction.terms),
            event_sha256=held.event_sha256,
        )
    )
    fills = [
        {
            **place,
            "order_id": fill.order_id,
            "filled_wh": fill.filled_wh,
            "paid_krw": fill.paid_krw,
            "received_krw": fill.received_krw,
        }
        for fill in auction.fills
    ]
    if fills:
        db.execute(sa.insert(FILL), fills)
    save_cleared_through(db, complex_id, held.delivery_start)
    db.execute(sa.delete(SEAL).where(SEAL.c.complex_id == complex_id, SEAL.c.delivery_start < held.delivery_start))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRecord:
    """A past auction as it was kept: `terms` is None in auctions of before terms were kept."""

    complex_id: str
    held: Held
    status: str
    price_jeon_per_kwh: int | None
    volume_wh: int
    fees_krw: int
    book_hash: str
    certificate: dict[str, Any] | None
    terms: Terms | None
    fills: dict[str, BookFill]


def load_auction(db: Connection, auction_id: str) -> AuctionRecord | None:
    """Return a past auction by its name."""
    found = db.execute(sa.select(AUCTION).where(AUCTION.c.auction_id == auction_id)).one_or_none()
    if found is None:
        return None
    rows = db.execute(
        sa.select(FILL).where(FILL.c.complex_id == found.complex_id, FILL.c.delivery_start == found.delivery_start)
    )
    return AuctionRecord(
        complex_id=found.complex_id,
        held=Held(found.auction_id, found.delivery_start, found.cleared_at, found.event_sha256),
        status=found.status,
        price_jeon_per_kwh=found.price_jeon_per_kwh,
        volume_wh=found.volume_wh,
        fees_krw=found.fees_krw,
        book_hash=found.book_hash,
        certificate=found.certificate,
        terms=None if found.terms is None else terms_from(found.terms),
        fills={row.order_id: BookFill(row.order_id, row.filled_wh, row.paid_krw, row.received_krw) for row in rows},
    )
