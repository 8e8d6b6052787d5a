"""The complex file as a caller may see it."""

from typing_extensions import TypedDict

from services.trading_api.text import JsonObject
from shared.complex.model import Complex, Participant
from shared.units import krw_text, kwh_text


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
    contract: JsonObject
    grid_meter_id: str
    pv: list[JsonObject]
    ess: list[JsonObject]


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


def complex_view(one: Complex, *, seen_by: str | None) -> JsonObject:
    """Show a complex to staff (`seen_by` None), or to a participant, who sees no other one's contract or devices."""
    seen = [member for member in one.participants if seen_by in {None, member.participant_id}]
    return {
        "complex_id": one.complex_id,
        "name": one.name.model_dump(),
        "note": one.note.model_dump(),
        "market": {
            "gate_closure_lead_minutes": one.market.gate_closure_lead_minutes,
            "price_krw_per_kwh_min": krw_text(one.market.price_jeon_per_kwh_min),
            "price_krw_per_kwh_max": krw_text(one.market.price_jeon_per_kwh_max),
            "order_quantity_kwh_max": kwh_text(one.market.order_quantity_wh_max),
        },
        "feeders": [feeder.model_dump(mode="json") for feeder in one.feeders],
        "participants": [member_view(member) for member in seen],
    }
