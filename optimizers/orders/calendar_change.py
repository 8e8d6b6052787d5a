"""Which versions of the market calendar an operator may ask for."""

from datetime import datetime, timedelta

from optimizers.orders.book_order import Venue
from optimizers.orders.rules import PRICE_JEON_PER_KWH_CAP, OrderRules
from shared.events.records import Calendar
from shared.intervals import DAY, INTERVAL
from shared.units import krw_text

# A version begins at least this long after it was asked for, so that no order that it concerns is on its way already.
NOTICE = INTERVAL


def refusal_of(venue: Venue, change: Calendar, *, requested_at: datetime, newest_from: datetime | None) -> str | None:
    """Say why a calendar may not be changed like this; None: it may.

    Args:
        venue: The market with the complex file's own rules, by which the order writers seal.
        change: What is asked for.
        requested_at: When it was.
        newest_from: From when the newest version holds.
    """
    asked = OrderRules(version=0, calendar=change)
    lead, sealing_lead, gate = asked.gate_closure_lead, venue.rules.gate_closure_lead, asked.day_ahead_gate
    strangers = sorted(set(change.traders or ()) - set(venue.sites))
    rules = (
        (change.effective_from >= requested_at + NOTICE, "must hold at the earliest 15 minutes after the request"),
        (newest_from is None or change.effective_from > newest_from, "must hold after the version before it"),
        (lead >= sealing_lead, f"gate closure must be at least {_minutes(sealing_lead)} minutes before delivery"),
        (asked.opening_lead is None or asked.opening_lead > lead, "opening must come before gate closure"),
        (change.price_jeon_per_kwh_min <= change.price_jeon_per_kwh_max, "price limits must be in order"),
        (
            max(-change.price_jeon_per_kwh_min, change.price_jeon_per_kwh_max) <= PRICE_JEON_PER_KWH_CAP,
            f"price limits must be within ±{krw_text(PRICE_JEON_PER_KWH_CAP)} KRW/kWh",
        ),
        (change.order_quantity_wh_max > 0, "the maximum order must be above 0"),
        (change.tick_jeon >= 1, "the tick must be at least 0.01 KRW/kWh"),
        (change.lot_wh >= 1, "the lot must be at least 0.001 kWh"),
        (gate is None or gate + lead <= DAY, "the day-ahead gate must close before that of the day's first interval"),
        (not strangers, f"who may trade must be participants, found {strangers}"),
    )
    return next((rule for is_kept, rule in rules if not is_kept), None)


def _minutes(duration: timedelta) -> int:
    return duration // timedelta(minutes=1)
