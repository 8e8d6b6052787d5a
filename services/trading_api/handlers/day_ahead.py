"""Keep what the day-ahead auction gave: prices, trades, and the end of its orders and blocks."""

from sqlalchemy.engine import Connection

from services.trading_api.domain.access import ALL
from services.trading_api.domain.orders import RANKS, OrderStatus
from services.trading_api.domain.views import day_ahead_view
from services.trading_api.handlers.market import end_of, show, show_order
from services.trading_api.store.logs import StreamEntry
from services.trading_api.store.orders import block_ids, order, save_outcomes
from services.trading_api.store.sql import upsert
from services.trading_api.store.tables import DAY_AHEAD, TRADE, TRADE_RECORD
from shared.complex.model import Complexes
from shared.events import fill_reasons
from shared.events.base import Envelope, Event
from shared.events.market import BlockDecided, DayAheadCleared


class DayAheadHandlers:
    """Keep what the day-ahead auction gives."""

    def __init__(self, complexes: Complexes) -> None:
        self._complexes = complexes

    def on_day_ahead_cleared(self, envelope: Envelope[DayAheadCleared], db: Connection) -> list[Event]:
        """Keep one interval of tomorrow; a block's end is told by itself."""
        event = envelope.event
        row = {**event.model_dump(exclude={"fills", "trades"}), "order_count": len(event.fills)}
        row["trade_count"] = len(event.trades)
        upsert(db, DAY_AHEAD, [row])
        place = {"complex_id": event.complex_id, "delivery_start": event.delivery_start}
        blocks = block_ids(db, event.complex_id, [fill.order_id for fill in event.fills])
        ends = [
            {**place, **end_of(self._complexes, event, fill)} for fill in event.fills if fill.order_id not in blocks
        ]
        save_outcomes(db, ends)
        trades = [TRADE_RECORD.row(trade, auction_id=event.auction_id, **place) for trade in event.trades]
        upsert(db, TRADE, trades)
        show(db, envelope, [StreamEntry(ALL, "day_ahead", day_ahead_view(row))])
        for end in ends:
            show_order(db, envelope, str(end["order_id"]))
        return []

    def on_block_decided(self, envelope: Envelope[BlockDecided], db: Connection) -> list[Event]:
        """Keep what became of a block, all or nothing, and why."""
        event = envelope.event
        known = order(db, event.complex_id, event.order_id)
        is_filled = event.reason == "accepted"
        status = OrderStatus.FILLED if is_filled else OrderStatus.EXPIRED
        said = fill_reasons.block_sentence(event.reason, event.gain_krw)
        end = {
            "complex_id": event.complex_id,
            "order_id": event.order_id,
            "participant_id": event.participant_id,
            "delivery_start": event.delivery_start,
            "status": status.value,
            "status_rank": RANKS[status],
            "reason": None if is_filled else event.reason,
            "detail": None,
            "filled_wh": known["quantity_wh"] if known is not None and is_filled else 0,
            "paid_krw": event.paid_krw,
            "received_krw": event.received_krw,
            "why": {"ko": said.ko, "en": said.en},
        }
        save_outcomes(db, [end])
        show_order(db, envelope, event.order_id)
        return []
