"""What a factory, or the operator for it, wants of automatic bidding."""

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from services.trading_api.bidding import queries
from services.trading_api.bidding.schemas import BiddingIn
from services.trading_api.bidding.views import bidding_view
from services.trading_api.log.commands import AuditedCommand
from services.trading_api.log.stream import StreamEntry, append_to_stream
from services.trading_api.roles import audience_of
from services.trading_api.rules import queries as rules
from shared.complex.model import Complex, Participant
from shared.events.commands import BiddingChanged
from shared.intervals import INTERVAL, interval_of
from shared.units import PERMILLE

# The scheduler hears of it before the gate of the first interval for which it holds.
NOTICE = timedelta(minutes=1)


def state_bidding(
    command: AuditedCommand, complex_: Complex, participant: Participant, wanted: BiddingIn
) -> BiddingChanged:
    """Keep and publish what is wanted; what holds already is not stated again."""
    db, now, complex_id = command.db, command.now, complex_.complex_id
    known = queries.bidding_of(db, complex_id, participant, now)
    stated = BiddingChanged(
        complex_id=complex_id,
        participant_id=participant.participant_id,
        bidding_version=known.bidding_version + 1,
        mode=wanted.mode,
        buy_share_permille=_permille(wanted.buy_share, participant.bidding.buy_share),
        sell_share_permille=_permille(wanted.sell_share, participant.bidding.sell_share),
        wh_per_day_max=wanted.wh_per_day_max,
        krw_per_day_max=wanted.krw_per_day_max,
        paused_until=wanted.paused_until,
        effective_from=_next_open(db, complex_, now + NOTICE),
        stated_at=now,
        stated_by=command.principal.name,
    )
    of_when = {"bidding_version", "effective_from", "stated_at", "stated_by"}
    if stated.model_dump(exclude=of_when) == known.model_dump(exclude=of_when):
        return known
    queries.save_bidding(db, stated)
    number = command.record("bidding.change", participant.participant_id, stated.model_dump_json())
    command.emit(stated, number)
    told = StreamEntry(audience_of(participant.participant_id), "bidding", bidding_view(stated, now))
    append_to_stream(db, complex_id, [told], now=now)
    return stated


def _permille(wanted: float | None, of_file: float) -> int:
    return round((of_file if wanted is None else wanted) * PERMILLE)


def _next_open(db: Connection, complex_: Complex, now: datetime) -> datetime:
    """Return the first interval whose gate closes after an instant."""
    return interval_of(now + rules.rules_at(db, complex_, now).gate_closure_lead) + INTERVAL
