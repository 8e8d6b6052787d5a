"""Keep what the market says about orders, auctions and itself, and what the planner says about studies."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.domain.access import ALL, STAFF, audience_of
from services.trading_api.domain.orders import RANKS, OrderStatus, SubmittedOrder, status_after_auction
from services.trading_api.domain.participants import suspension_view
from services.trading_api.domain.views import auction_view, instant_text, order_view, study_result_view
from services.trading_api.store import lists
from services.trading_api.store.logs import StreamEntry, append_to_stream
from services.trading_api.store.market_rules import save_limits, save_participant_state, save_version
from services.trading_api.store.orders import mark_amendment, order, orders_of_interval, save_order, save_outcomes
from services.trading_api.store.sql import storable, upsert
from services.trading_api.store.tables import AUCTION, MARKET_STATE, STUDY, TRADE, TRADE_RECORD
from shared.complex.model import Complexes, Participant
from shared.events import fill_reasons
from shared.events.base import Envelope, Event
from shared.events.market import (
    AmendmentRejected,
    AuctionCleared,
    CalendarChanged,
    CalendarChangeRefused,
    DayAheadCleared,
    LimitsChanged,
    MarketHalted,
    MarketResumed,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    ParticipantResumed,
    ParticipantSuspended,
)
from shared.events.orders import OrderCancelRequested, OrderSubmitted
from shared.events.planner import StudyCompleted, StudyFailed, StudyProgressed
from shared.events.records import CALENDAR_JSON, Fill

Verdict = OrderAccepted | OrderRejected | OrderCancelled


class MarketHandlers:
    """Keep what becomes of orders, auctions, participants and studies."""

    def __init__(self, complexes: Complexes) -> None:
        self._complexes = complexes

    def on_order_submitted(self, envelope: Envelope[OrderSubmitted], db: Connection) -> list[Event]:
        """Keep an automatic order of the scheduler's."""
        event = envelope.event
        submitted = SubmittedOrder(
            complex_id=event.complex_id,
            order_id=event.order_id,
            client_order_id=event.client_order_id,
            participant_id=event.participant_id,
            delivery_start=event.delivery_start,
            side=event.side,
            price_jeon_per_kwh=event.price_jeon_per_kwh,
            quantity_wh=event.quantity_wh,
            auction=event.auction,
            submitted_at=event.submitted_at,
            writer=event.writer,
            sequence=event.sequence,
        )
        save_order(db, submitted)
        show_order(db, envelope, event.order_id)
        return []

    def on_cancel_requested(self, envelope: Envelope[OrderCancelRequested], db: Connection) -> list[Event]:
        """Pass over a wish of the scheduler's: what counts is the market's word that follows."""
        del envelope, db
        return []

    def on_order_accepted(self, envelope: Envelope[OrderAccepted], db: Connection) -> list[Event]:
        """Keep that an order is in the book."""
        return _take_verdict(envelope, db, OrderStatus.ACCEPTED)

    def on_order_rejected(self, envelope: Envelope[OrderRejected], db: Connection) -> list[Event]:
        """Keep that an order is not in the book, and why."""
        event = envelope.event
        return _take_verdict(envelope, db, OrderStatus.REJECTED, reason=event.reason, detail=event.detail)

    def on_order_cancelled(self, envelope: Envelope[OrderCancelled], db: Connection) -> list[Event]:
        """Keep that an order was taken out of its book, and why if its participant did not ask for it."""
        reason = envelope.event.reason
        said = None if reason is None else fill_reasons.suspension_sentence()
        return _take_verdict(envelope, db, OrderStatus.CANCELLED, reason=reason, said=said)

    def on_order_amended(self, envelope: Envelope[OrderAmended], db: Connection) -> list[Event]:
        """Keep an order's new price and quantity."""
        event = envelope.event
        amended = {"amended_price_jeon_per_kwh": event.price_jeon_per_kwh, "amended_quantity_wh": event.quantity_wh}
        mark_amendment(db, event.complex_id, event.order_id, amendment="accepted", amendment_detail=None, **amended)
        show_order(db, envelope, event.order_id)
        return []

    def on_amendment_rejected(self, envelope: Envelope[AmendmentRejected], db: Connection) -> list[Event]:
        """Keep that an order stands as it was, and why."""
        event = envelope.event
        detail = f"{event.reason}: {event.detail}"
        mark_amendment(db, event.complex_id, event.order_id, amendment="rejected", amendment_detail=detail)
        show_order(db, envelope, event.order_id)
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
        show(db, envelope, [StreamEntry(ALL, "calendar", shown)])
        return []

    def on_calendar_change_refused(self, envelope: Envelope[CalendarChangeRefused], db: Connection) -> list[Event]:
        """Tell staff that the calendar stays, and why."""
        shown = {"version": None, "effective_from": None, "refused": envelope.event.detail}
        show(db, envelope, [StreamEntry(STAFF, "calendar", shown)])
        return []

    def on_limits_changed(self, envelope: Envelope[LimitsChanged], db: Connection) -> list[Event]:
        """Keep what a participant may have open."""
        save_limits(db, envelope.event.model_dump())
        return []

    def on_participant_suspended(self, envelope: Envelope[ParticipantSuspended], db: Connection) -> list[Event]:
        """Keep that a participant may not trade."""
        event = envelope.event
        return _keep_standing(envelope, db, suspended=True, since=event.suspended_at, reason=event.reason)

    def on_participant_resumed(self, envelope: Envelope[ParticipantResumed], db: Connection) -> list[Event]:
        """Keep that a participant may trade again."""
        return _keep_standing(envelope, db, suspended=False, since=envelope.event.resumed_at, reason="")

    def on_auction_cleared(self, envelope: Envelope[AuctionCleared], db: Connection) -> list[Event]:
        """Keep an auction: the public result, every order's end, the trades."""
        event = envelope.event
        facts = event.model_dump(exclude={"fills", "trades"})
        row = {**facts, "order_count": len(event.fills), "trade_count": len(event.trades)}
        upsert(db, AUCTION, [row])
        auction_facts = {"complex_id": event.complex_id, "delivery_start": event.delivery_start}
        save_outcomes(db, [{**auction_facts, **end_of(self._complexes, event, fill)} for fill in event.fills])
        trades = [
            TRADE_RECORD.row(trade, auction_id=event.auction_id, **auction_facts)
            for trade in (*event.trades, *event.day_ahead_trades)
        ]
        upsert(db, TRADE, trades)
        ended = orders_of_interval(db, event.complex_id, event.delivery_start)
        shown = [StreamEntry(audience_of(one["participant_id"]), "order", order_view(one)) for one in ended]
        show(db, envelope, [StreamEntry(ALL, "auction", auction_view(row)), *shown])
        return []

    def on_market_halted(self, envelope: Envelope[MarketHalted], db: Connection) -> list[Event]:
        """Keep that the market stands."""
        event = envelope.event
        state = {"halted": True, "since": event.halted_at, "reason": event.reason, "operator": event.operator}
        upsert(db, MARKET_STATE, [{"complex_id": event.complex_id, **state}])
        show(db, envelope, [StreamEntry(ALL, "market", {"halted": True, "reason": event.reason})])
        return []

    def on_market_resumed(self, envelope: Envelope[MarketResumed], db: Connection) -> list[Event]:
        """Keep that the market goes on."""
        event = envelope.event
        state = {"halted": False, "since": event.resumed_at, "reason": "", "operator": event.operator}
        upsert(db, MARKET_STATE, [{"complex_id": event.complex_id, **state}])
        show(db, envelope, [StreamEntry(ALL, "market", {"halted": False, "reason": ""})])
        return []

    def on_study_progressed(self, envelope: Envelope[StudyProgressed], db: Connection) -> list[Event]:
        """Keep how far a study is."""
        event = envelope.event
        return _change_study(envelope, db, event.study_id, status="running", done=event.done, total=event.total)

    def on_study_completed(self, envelope: Envelope[StudyCompleted], db: Connection) -> list[Event]:
        """Keep a study's answer."""
        event = envelope.event
        results = [study_result_view(result.model_dump()) for result in event.results]
        ended = {"status": "completed", "results": results, "done": len(results), "total": len(results)}
        return _change_study(envelope, db, event.study_id, **ended)

    def on_study_failed(self, envelope: Envelope[StudyFailed], db: Connection) -> list[Event]:
        """Keep that a study has no answer, and why."""
        return _change_study(envelope, db, envelope.event.study_id, status="failed", reason=envelope.event.reason)


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
    show(db, envelope, [StreamEntry(audience_of(event.participant_id), "participant", shown)])
    return []


def _take_verdict(
    envelope: Envelope[Verdict],
    db: Connection,
    status: OrderStatus,
    reason: str | None = None,
    detail: str | None = None,
    said: fill_reasons.Sentence | None = None,
) -> list[Event]:
    event = envelope.event
    row = {
        "complex_id": event.complex_id,
        "order_id": event.order_id,
        "participant_id": event.participant_id,
        "delivery_start": event.delivery_start,
        "status": status.value,
        "status_rank": RANKS[status],
        "reason": reason,
        "detail": detail,
        "why": None if said is None else {"ko": said.ko, "en": said.en},
        "filled_wh": 0,
        "paid_krw": 0,
        "received_krw": 0,
    }
    save_outcomes(db, [row])
    show_order(db, envelope, event.order_id)
    return []


def end_of(complexes: Complexes, event: AuctionCleared | DayAheadCleared, fill: Fill) -> dict[str, object]:
    """Return what became of a simple order, and why."""
    members = complexes[event.complex_id].by_participant
    status = status_after_auction(quantity_wh=fill.quantity_wh, filled_wh=fill.filled_wh)
    return {
        "order_id": fill.order_id,
        "participant_id": fill.participant_id,
        "status": status.value,
        "status_rank": RANKS[status],
        "reason": None,
        "detail": None,
        "filled_wh": fill.filled_wh,
        "paid_krw": fill.paid_krw,
        "received_krw": fill.received_krw,
        "why": _why(event, fill, members),
    }


def _why(
    event: AuctionCleared | DayAheadCleared, fill: Fill, members: Mapping[str, Participant]
) -> dict[str, str] | None:
    """Put the market's code and the auction's figures into a sentence; None where the market said no code."""
    participant = members.get(fill.participant_id)
    if fill.reason is None or participant is None:
        return None
    feeder = fill_reasons.FeederPrice(
        feeder_id=participant.feeder_id,
        price_jeon_per_kwh=event.feeder_price_jeon_per_kwh.get(participant.feeder_id, event.price_jeon_per_kwh),
        full=event.binding_limits.get(participant.feeder_id),
    )
    said = fill_reasons.sentence(fill.reason, fill, feeder)
    return {"ko": said.ko, "en": said.en}


def _change_study(envelope: Envelope[Event], db: Connection, study_id: str, **changed: object) -> list[Event]:
    complex_id = envelope.event.complex_id
    known = lists.study(db, complex_id, study_id)
    if known is not None and known["status"] not in {"completed", "failed", "cancelled"}:
        here = (STUDY.c.complex_id == complex_id) & (STUDY.c.study_id == study_id)
        db.execute(sa.update(STUDY).where(here).values(**storable(STUDY, changed)))
        shown = {"study_id": study_id, **{name: fact for name, fact in changed.items() if name != "results"}}
        show(db, envelope, [StreamEntry(STAFF, "study", shown)])
    return []


def show_order(db: Connection, envelope: Envelope[Event], order_id: str) -> None:
    """Show an order as it now is to those who may see it."""
    row = order(db, envelope.event.complex_id, order_id)
    if row is not None:
        show(db, envelope, [StreamEntry(audience_of(row["participant_id"]), "order", order_view(row))])


def show(db: Connection, envelope: Envelope[Event], entries: Sequence[StreamEntry]) -> None:
    """Put entries into the live stream."""
    append_to_stream(db, envelope.event.complex_id, entries, now=envelope.occurred_at)
