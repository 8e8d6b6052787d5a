"""Participants as the operator sees them: what the complex file says, and whether they may trade now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.access import queries as access_queries
from services.trading_api.market import queries as market_queries
from services.trading_api.market.views import LimitsView, SuspensionView, limits_view, suspension_view
from services.trading_api.overview.complex import MemberView, member_view
from services.trading_api.rules import queries as rules_queries
from services.trading_api.text import Row
from shared.complex.model import Complex, Participant


class ParticipantView(MemberView):
    """A participant with its standing in the market.

    `refusals` are the codes with which the market rejects its orders now: `suspended`, `market_halted`,
    `may_not_trade` (not among the calendar's traders). `limits` null: none of its own.
    """

    may_trade: bool
    refusals: list[str]
    suspension: SuspensionView | None
    limits: LimitsView | None
    live_api_keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketNow:
    """What the market has said so far, and the keys that are known, by participant."""

    is_halted: bool
    traders: frozenset[str] | None
    suspensions: Mapping[str, Row]
    limits: Mapping[str, Row]
    live_keys: Mapping[str, int]


def participant_view(member: Participant, now: MarketNow) -> ParticipantView:
    """Show a participant with its standing."""
    participant_id = member.participant_id
    suspension, limits = now.suspensions.get(participant_id), now.limits.get(participant_id)
    refusals = refusals_of(participant_id, now)
    return {
        **member_view(member),
        "may_trade": not refusals,
        "refusals": refusals,
        "suspension": None if suspension is None else suspension_view(suspension),
        "limits": None if limits is None else limits_view(limits),
        "live_api_keys": now.live_keys.get(participant_id, 0),
    }


def market_now(db: Connection, complex_: Complex, instant: datetime) -> MarketNow:
    """Return what the market has said of a complex's participants up to now; the calendar's rules are an instant's."""
    complex_id = complex_.complex_id
    halt = market_queries.market_state(db, complex_id)
    traders = rules_queries.rules_at(db, complex_, instant).calendar.traders
    return MarketNow(
        is_halted=halt is not None and halt["halted"],
        traders=None if traders is None else frozenset(traders),
        suspensions=rules_queries.suspensions(db, complex_id),
        limits=rules_queries.limits_by_participant(db, complex_id),
        live_keys=access_queries.live_keys(db, complex_id),
    )


def refusals_of(participant_id: str, now: MarketNow) -> list[str]:
    """Return why the market would reject a participant's order, whatever the order says."""
    reasons = {
        "suspended": participant_id in now.suspensions,
        "market_halted": now.is_halted,
        "may_not_trade": now.traders is not None and participant_id not in now.traders,
    }
    return [reason for reason, holds in reasons.items() if holds]
