"""Keep what the market says about auctions, its rules and itself."""

from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.market.queries import decide_deed
from services.trading_api.market.tables import (
    AUCTION,
    AUCTION_RECORD,
    DAY_AHEAD,
    DAY_AHEAD_RECORD,
    MARKET_STATE,
    TRADE,
    TRADE_RECORD,
)
from services.trading_api.market.views import auction_view, day_ahead_view, suspension_view
from services.trading_api.roles import ALL, STAFF, audience_of
from services.trading_api.rules.queries import save_limits, save_participant_state, save_version
from services.trading_api.rules.tables import LIMITS_RECORD
from services.trading_api.text import instant_text
from shared.events.base import Envelope, Event
from shared.events.market import (
    AuctionCleared,
    CalendarChanged,
    CalendarChangeRefused,
    DayAheadCleared,
    DeedDecided,
    LimitsChanged,
    MarketHalted,
    MarketResumed,
    ParticipantResumed,
    ParticipantSuspended,
)
from shared.events.records import CALENDAR_JSON, Trade


class MarketHandlers:
    """Keep auctions with their trades, the calendar, limits, suspensions and halts."""

    def on_auction_cleared(self, envelope: Envelope[AuctionCleared], db: Connection) -> list[Event]:
        """Keep an auction's public result and the trades."""
        event = envelope.event
        row = AUCTION_RECORD.row(event, order_count=len(event.fills), trade_count=len(event.trades))
        upsert(db, AUCTION, [row])
        _save_trades(db, event, *event.trades, *event.day_ahead_trades)
        show(db, envelope, StreamEntry(ALL, "auction", auction_view(row)))
        return []

    def on_day_ahead_cleared(self, envelope: Envelope[DayAheadCleared], db: Connection) -> list[Event]:
        """Keep one interval of tomorrow and its trades."""
        event = envelope.event
        row = DAY_AHEAD_RECORD.row(event, order_count=len(event.fills), trade_count=len(event.trades))
        upsert(db, DAY_AHEAD, [row])
        _save_trades(db, event, *event.trades)
        show(db, envelope, StreamEntry(ALL, "day_ahead", day_ahead_view(row)))
        return []

    def on_deed_decided(self, envelope: Envelope[DeedDecided], db: Connection) -> list[Event]:
        """Keep what came of an operator's request."""
        event = envelope.event
        decision = {"outcome": event.outcome, "detail": event.detail, "decided_at": envelope.occurred_at}
        decide_deed(db, event.complex_id, event.deed_id, decision)
        return []

    def on_calendar_changed(self, envelope: Envelope[CalendarChanged], db: Connection) -> list[Event]:
        """Keep a version of the market calendar."""
        event = envelope.event
        row = {
            "complex_id": event.complex_id,
            "version": event.calendar_version,
            "effective_from": event.calendar.effective_from,
            "requested_at": event.requested_at,
            "operator": event.operator,
            "calendar": CALENDAR_JSON.dump_python(event.calendar, mode="json"),
        }
        save_version(db, row)
        effective_from = instant_text(event.calendar.effective_from)
        shown = {"version": event.calendar_version, "effective_from": effective_from, "refused": None}
        show(db, envelope, StreamEntry(ALL, "calendar", shown))
        return []

    def on_calendar_change_refused(self, envelope: Envelope[CalendarChangeRefused], db: Connection) -> list[Event]:
        """Tell staff that the calendar stays, and why."""
        shown = {"version": None, "effective_from": None, "refused": envelope.event.detail}
        show(db, envelope, StreamEntry(STAFF, "calendar", shown))
        return []

    def on_limits_changed(self, envelope: Envelope[LimitsChanged], db: Connection) -> list[Event]:
        """Keep what a participant may have open."""
        save_limits(db, LIMITS_RECORD.row(envelope.event))
        return []

    def on_participant_suspended(self, envelope: Envelope[ParticipantSuspended], db: Connection) -> list[Event]:
        """Keep that a participant may not trade."""
        event = envelope.event
        return _keep_standing(envelope, db, suspended=True, since=event.suspended_at, reason=event.reason)

    def on_participant_resumed(self, envelope: Envelope[ParticipantResumed], db: Connection) -> list[Event]:
        """Keep that a participant may trade again."""
        return _keep_standing(envelope, db, suspended=False, since=envelope.event.resumed_at, reason="")

    def on_market_halted(self, envelope: Envelope[MarketHalted], db: Connection) -> list[Event]:
        """Keep that the market stands."""
        event = envelope.event
        return _keep_state(envelope, db, halted=True, since=event.halted_at, reason=event.reason)

    def on_market_resumed(self, envelope: Envelope[MarketResumed], db: Connection) -> list[Event]:
        """Keep that the market goes on."""
        return _keep_state(envelope, db, halted=False, since=envelope.event.resumed_at, reason="")


def _save_trades(db: Connection, event: AuctionCleared | DayAheadCleared, *trades: Trade) -> None:
    rows = [
        TRADE_RECORD.row(
            trade, complex_id=event.complex_id, delivery_start=event.delivery_start, auction_id=event.auction_id
        )
        for trade in trades
    ]
    upsert(db, TRADE, rows)


def _keep_standing(
    envelope: Envelope[ParticipantSuspended | ParticipantResumed],
    db: Connection,
    *,
    suspended: bool,
    since: datetime,
    reason: str,
) -> list[Event]:
    event = envelope.event
    row = {
        "complex_id": event.complex_id,
        "participant_id": event.participant_id,
        "suspended": suspended,
        "since": since,
        "reason": reason,
        "operator": event.operator,
    }
    save_participant_state(db, row)
    shown = {"suspended": suspended, **suspension_view(row)}
    show(db, envelope, StreamEntry(audience_of(event.participant_id), "participant", shown))
    return []


def _keep_state(
    envelope: Envelope[MarketHalted | MarketResumed], db: Connection, *, halted: bool, since: datetime, reason: str
) -> list[Event]:
    event = envelope.event
    row = {
        "complex_id": event.complex_id,
        "halted": halted,
        "since": since,
        "reason": reason,
        "operator": event.operator,
    }
    upsert(db, MARKET_STATE, [row])
    show(db, envelope, StreamEntry(ALL, "market", {"halted": halted, "reason": reason}))
    return []
