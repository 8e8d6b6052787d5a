"""The market calendar as data: versions, each with the instant from which it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.market.domain.values import PRICE_JEON_PER_KWH_CAP, Rules, Venue
from shared.intervals import DAY, INTERVAL
from shared.units import krw_text

# A version begins at least this long after it was asked for, so that no order that it concerns is on its way already.
NOTICE = INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarChange:
    """What an operator asks to hold from an instant on."""

    effective_from: datetime
    gate_closure_lead: timedelta
    opening_lead: timedelta | None
    price_jeon_per_kwh_min: int
    price_jeon_per_kwh_max: int
    quantity_wh_max: int
    tick_jeon: int
    lot_wh: int
    traders: frozenset[str] | None
    day_ahead_gate: timedelta | None


def refusal_of(
    venue: Venue, change: CalendarChange, *, requested_at: datetime, newest_from: datetime | None
) -> str | None:
    """Say why a calendar may not be changed like this; None: it may.

    Args:
        venue: The market with the complex file's own rules, by which the order writers seal.
        change: What is asked for.
        requested_at: When it was.
        newest_from: From when the newest version holds.
    """
    lead, sealing_lead = change.gate_closure_lead, venue.rules.gate_closure_lead
    gate = change.day_ahead_gate
    strangers = sorted((change.traders or frozenset()) - set(venue.sites))
    rules = (
        (change.effective_from >= requested_at + NOTICE, "must hold at the earliest 15 minutes after the request"),
        (newest_from is None or change.effective_from > newest_from, "must hold after the version before it"),
        (lead >= sealing_lead, f"gate closure must be at least {_minutes(sealing_lead)} minutes before delivery"),
        (change.opening_lead is None or change.opening_lead > lead, "opening must come before gate closure"),
        (change.price_jeon_per_kwh_min <= change.price_jeon_per_kwh_max, "price limits must be in order"),
        (
            max(-change.price_jeon_per_kwh_min, change.price_jeon_per_kwh_max) <= PRICE_JEON_PER_KWH_CAP,
            f"price limits must be within ±{krw_text(PRICE_JEON_PER_KWH_CAP)} KRW/kWh",
        ),
        (change.quantity_wh_max > 0, "the maximum order must be above 0"),
        (change.tick_jeon >= 1, "the tick must be at least 0.01 KRW/kWh"),
        (change.lot_wh >= 1, "the lot must be at least 0.001 kWh"),
        (gate is None or gate + lead <= DAY, "the day-ahead gate must close before that of the day's first interval"),
        (not strangers, f"who may trade must be participants, found {strangers}"),
    )
    return next((rule for is_kept, rule in rules if not is_kept), None)


def rules_of(change: CalendarChange, base: Rules, *, version: int) -> Rules:
    """Return the rules of a new version; what a change does not say stays as it is."""
    return replace(
        base,
        version=version,
        gate_closure_lead=change.gate_closure_lead,
        opening_lead=change.opening_lead,
        price_jeon_per_kwh_min=change.price_jeon_per_kwh_min,
        price_jeon_per_kwh_max=change.price_jeon_per_kwh_max,
        quantity_wh_max=change.quantity_wh_max,
        tick_jeon=change.tick_jeon,
        lot_wh=change.lot_wh,
        traders=change.traders,
        day_ahead_gate=change.day_ahead_gate,
    )


def rules_record(rules: Rules) -> dict[str, object]:
    """Return a version as JSON."""
    return {
        "version": rules.version,
        "gate_closure_lead_s": int(rules.gate_closure_lead.total_seconds()),
        "opening_lead_s": None if rules.opening_lead is None else int(rules.opening_lead.total_seconds()),
        "price_jeon_per_kwh_min": rules.price_jeon_per_kwh_min,
        "price_jeon_per_kwh_max": rules.price_jeon_per_kwh_max,
        "quantity_wh_max": rules.quantity_wh_max,
        "tick_jeon": rules.tick_jeon,
        "lot_wh": rules.lot_wh,
        "traders": None if rules.traders is None else sorted(rules.traders),
        "day_ahead_gate_s": None if rules.day_ahead_gate is None else int(rules.day_ahead_gate.total_seconds()),
    }


def rules_from(record: Mapping[str, object], base: Rules) -> Rules:
    """Return the version that `rules_record` wrote."""
    traders = record["traders"]
    numbers = {name: found for name, found in record.items() if isinstance(found, int)}
    return replace(
        base,
        version=numbers["version"],
        gate_closure_lead=timedelta(seconds=numbers["gate_closure_lead_s"]),
        opening_lead=_seconds(numbers.get("opening_lead_s")),
        day_ahead_gate=_seconds(numbers.get("day_ahead_gate_s")),
        price_jeon_per_kwh_min=numbers["price_jeon_per_kwh_min"],
        price_jeon_per_kwh_max=numbers["price_jeon_per_kwh_max"],
        quantity_wh_max=numbers["quantity_wh_max"],
        tick_jeon=numbers["tick_jeon"],
        lot_wh=numbers["lot_wh"],
        traders=frozenset(traders) if isinstance(traders, list) else None,
    )


def _seconds(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(seconds=number)


def _minutes(duration: timedelta) -> int:
    return duration // timedelta(minutes=1)
