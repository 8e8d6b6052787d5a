"""A participant as the operator sees it: what the complex file says of it, and whether it may trade now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import TypedDict

from services.trading_api.domain.shapes import LimitsView
from services.trading_api.domain.views import Row, instant_text, limits_view
from shared.complex.model import Participant


class NameView(TypedDict):
    """A name in both languages."""

    ko: str
    en: str


class MemberView(TypedDict):
    """A participant as the complex file has it."""

    participant_id: str
    name: NameView
    feeder_id: str
    bidding: str
    contract: dict[str, Any]
    grid_meter_id: str
    pv: list[dict[str, Any]]
    ess: list[dict[str, Any]]


class SuspensionView(TypedDict):
    """Since when a participant may not trade, and why."""

    participant_id: str
    since: str
    reason: str


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


def member_view(member: Participant) -> MemberView:
    """Show a participant as the complex file has it."""
    return {
        "participant_id": member.participant_id,
        "name": {"ko": member.name.ko, "en": member.name.en},
        "feeder_id": member.feeder_id,
        "bidding": member.bidding.mode,
        "contract": member.contract.model_dump(),
        "grid_meter_id": member.grid_meter_id,
        "pv": [{"site_id": site.site_id, "capacity_kw_ac": site.capacity_kw_ac} for site in member.pv],
        "ess": [ess.model_dump(exclude={"soc_initial", "cycle_cost_krw_per_kwh"}) for ess in member.ess],
    }


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


def refusals_of(participant_id: str, now: MarketNow) -> list[str]:
    """Return why the market would reject a participant's order, whatever the order says."""
    reasons = {
        "suspended": participant_id in now.suspensions,
        "market_halted": now.is_halted,
        "may_not_trade": now.traders is not None and participant_id not in now.traders,
    }
    return [reason for reason, holds in reasons.items() if holds]


def suspension_view(row: Row) -> SuspensionView:
    """Show a suspension."""
    return {"participant_id": row["participant_id"], "since": instant_text(row["since"]), "reason": row["reason"]}
