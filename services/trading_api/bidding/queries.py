"""Automatic bidding, as it was last stated."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.bidding.tables import BIDDING, BIDDING_RECORD
from services.trading_api.db.sql import of_complex, upsert
from shared.complex.model import Complex, Participant
from shared.events.commands import BiddingChanged
from shared.units import PERMILLE


def biddings(db: Connection, complex_: Complex, since: datetime, *, seen_by: str | None) -> Sequence[BiddingChanged]:
    """Return what holds of each participant, or of the one alone that asks, in the complex file's order."""
    rows = db.execute(of_complex(BIDDING, complex_.complex_id))
    stated = {one.participant_id: one for one in map(BIDDING_RECORD.record, rows)}
    seen = [one for one in complex_.participants if seen_by in {None, one.participant_id}]
    return [stated.get(one.participant_id) or _of_file(complex_.complex_id, one, since) for one in seen]


def bidding_of(db: Connection, complex_id: str, participant: Participant, since: datetime) -> BiddingChanged:
    """Return what was last stated of a participant, the complex file's own as version 0 where nothing was.

    Args:
        db: The read model's.
        complex_id: The participant's complex.
        participant: As the complex file has it.
        since: What stands for the instant from which the file's own holds.
    """
    query = of_complex(BIDDING, complex_id).where(BIDDING.c.participant_id == participant.participant_id)
    row = db.execute(query).one_or_none()
    return BIDDING_RECORD.record(row) if row is not None else _of_file(complex_id, participant, since)


def _of_file(complex_id: str, participant: Participant, since: datetime) -> BiddingChanged:
    bidding = participant.bidding
    return BiddingChanged(
        complex_id=complex_id,
        participant_id=participant.participant_id,
        bidding_version=0,
        mode="automatic" if bidding.mode == "automatic" else "off",
        buy_share_permille=round(bidding.buy_share * PERMILLE),
        sell_share_permille=round(bidding.sell_share * PERMILLE),
        wh_per_day_max=None,
        krw_per_day_max=None,
        paused_until=None,
        effective_from=since,
        stated_at=since,
        stated_by="complex file",
    )


def save_bidding(db: Connection, stated: BiddingChanged) -> None:
    """Keep what was stated."""
    upsert(db, BIDDING, [BIDDING_RECORD.row(stated)], newer="bidding_version")
