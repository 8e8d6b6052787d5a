"""Which versions of the market calendar an operator may ask for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from optimizers.orders.rules import PRICE_JEON_PER_KWH_CAP, OrderRules
from shared.events.records import Calendar
from shared.intervals import DAY, INTERVAL
from shared.units import krw_text

# A version begins at least this long after it was asked for, so that no order that it concerns is on its way already.
NOTICE = INTERVAL


@dataclass(frozen=True, slots=True)
class CalendarStanding:
    """What a change of the calendar has to fit.

    Args:
        sealing_lead: That of the complex file's own rules, by which the order writers seal.
        members: Who takes part in the market.
        newest_from: From when the newest version holds; None: there is none but the complex file's.
    """

    sealing_lead: timedelta
    members: Collection[str]
    newest_from: datetime | None


def refusal_of(change: Calendar, standing: CalendarStanding, *, requested_at: datetime) -> tuple[str, str] | None:
    """Return the field of a calendar that may not be changed like this, and the rule that it breaks; None: it may."""
    asked = OrderRules(version=0, calendar=change)
    lead, sealing_lead, gate = asked.gate_closure_lead, standing.sealing_lead, asked.day_ahead_gate
    newest_from = standing.newest_from
    strangers = sorted(set(change.traders or ()) - set(standing.members))
    rules = (
        (
            change.effective_from >= requested_at + NOTICE,
            "effective_from",
            "must hold at the earliest 15 minutes after the request",
        ),
        (
            newest_from is None or change.effective_from > newest_from,
            "effective_from",
            "must hold after the version before it",
        ),
        (
            lead >= sealing_lead,
            "gate_closure_lead_s",
            f"gate closure must be at least {_minutes(sealing_lead)} minutes before delivery",
        ),
        (
            asked.opening_lead is None or asked.opening_lead > lead,
            "opening_lead_s",
            "opening must come before gate closure",
        ),
        (
            change.price_jeon_per_kwh_min <= change.price_jeon_per_kwh_max,
            "price_krw_per_kwh_min",
            "price limits must be in order",
        ),
        (
            max(-change.price_jeon_per_kwh_min, change.price_jeon_per_kwh_max) <= PRICE_JEON_PER_KWH_CAP,
            "price_krw_per_kwh_max",
            f"price limits must be within ±{krw_text(PRICE_JEON_PER_KWH_CAP)} KRW/kWh",
        ),
        (change.order_quantity_wh_max > 0, "order_quantity_kwh_max", "the maximum order must be above 0"),
        (change.tick_jeon >= 1, "tick_krw_per_kwh", "the tick must be at least 0.01 KRW/kWh"),
        (change.lot_wh >= 1, "lot_kwh", "the lot must be at least 0.001 kWh"),
        (
            gate is None or gate + lead <= DAY,
            "day_ahead_gate_s",
            "the day-ahead gate must close before that of the day's first interval",
        ),
        (not strangers, "traders", f"who may trade must be participants, found {strangers}"),
    )
    return next(((field, rule) for is_kept, field, rule in rules if not is_kept), None)


def _minutes(duration: timedelta) -> int:
    return duration // timedelta(minutes=1)
