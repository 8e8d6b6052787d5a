"""What the market does with each event: load, compute, save, emit."""

from datetime import timedelta
from functools import partial

from services.market.handlers.auctions import on_orders_sealed, watch_seals
from services.market.handlers.commands import (
    on_calendar_change_requested,
    on_halt_requested,
    on_limits_change_requested,
    on_participant_resume_requested,
    on_resume_requested,
    on_suspend_requested,
)
from services.market.handlers.orders import (
    on_amend_requested,
    on_block_submitted,
    on_cancel_requested,
    on_order_submitted,
)
from services.market.handlers.venues import venue_of
from shared.complex.model import Complexes
from shared.events.commands import (
    CalendarChangeRequested,
    LimitsChangeRequested,
    MarketHaltRequested,
    MarketResumeRequested,
    ParticipantResumeRequested,
    ParticipantSuspendRequested,
)
from shared.events.orders import BlockSubmitted, OrderAmendRequested, OrderCancelRequested, OrdersSealed, OrderSubmitted
from shared.runtime.runloop import Service


def service(complexes: Complexes, *, seal_alarm: timedelta, block_time_limit_s: float = 8.0) -> Service:
    """Return the market of a deployment's complexes.

    Args:
        complexes: Their files.
        seal_alarm: How long after gate closure a writer's seal is missed, by the clock.
        block_time_limit_s: How long the choice of day-ahead blocks may take, by the wall's clock.
    """
    venues = {complex_id: venue_of(one) for complex_id, one in complexes.items()}
    return Service(
        name="market",
        handlers={
            OrderSubmitted: partial(on_order_submitted, venues),
            BlockSubmitted: partial(on_block_submitted, venues),
            OrderAmendRequested: partial(on_amend_requested, venues),
            OrderCancelRequested: partial(on_cancel_requested, venues),
            OrdersSealed: partial(on_orders_sealed, venues, block_time_limit_s),
            MarketHaltRequested: partial(on_halt_requested, venues),
            MarketResumeRequested: partial(on_resume_requested, venues),
            CalendarChangeRequested: partial(on_calendar_change_requested, venues),
            LimitsChangeRequested: partial(on_limits_change_requested, venues),
            ParticipantSuspendRequested: partial(on_suspend_requested, venues),
            ParticipantResumeRequested: partial(on_participant_resume_requested, venues),
        },
        tick=partial(watch_seals, venues, seal_alarm),
    )
