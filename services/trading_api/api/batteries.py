"""What a day's batteries were worth."""

from fastapi import APIRouter
from sqlalchemy.engine import Connection

from optimizers.tariff import BATTERY_SHIFT, Shift
from services.trading_api.api.guard import guarded
from services.trading_api.api.parts import Caller, PartsHere
from services.trading_api.api.schemas import Day, PageOut
from services.trading_api.domain.access import Scope
from services.trading_api.domain.batteries import largest_gap_wh, without_money
from services.trading_api.domain.savings import basis_view
from services.trading_api.domain.shapes import BatteryDayView
from services.trading_api.store.batteries import Span, observations, planned_wh
from services.trading_api.store.savings import battery_shifts
from shared.complex.model import Participant
from shared.db.engine import reading
from shared.intervals import DAY, day_start
from shared.units import WH_PER_KWH, kwh_text

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])


@router.get("/batteries")
def get_batteries(day: Day, parts: PartsHere, caller: Caller) -> PageOut[BatteryDayView]:
    """Return what the batteries of each factory were worth on a Korean day, and how well they held their plans."""
    span = Span(caller.complex_id, day_start(day), day_start(day) + DAY)
    seen = [
        one
        for one in parts.complex_of(caller).participants
        if one.ess and caller.participant_id in {None, one.participant_id}
    ]
    with reading(parts.engine) as db:
        shifts = battery_shifts(db, span, parts.complex_of(caller), seen_by=caller.participant_id)
        days = [_battery_day(db, span, one, shifts.get(one.participant_id, Shift())) for one in seen]
    return PageOut(items=days if caller.may(Scope.ACCOUNTS_READ) else list(map(without_money, days)), next_cursor=None)


def _battery_day(db: Connection, span: Span, participant: Participant, shift: Shift) -> BatteryDayView:
    change_wh, gaps = 0, []
    for ess in participant.ess:
        observed = observations(db, span, ess.device_id)
        change_wh += observed[-1].soc_wh - observed[0].soc_wh if observed else 0
        of_day = [one for one in observed if one.observed_at >= span.first]
        gap_wh = largest_gap_wh(of_day, planned_wh(db, span, ess.device_id))
        if gap_wh is not None:
            gaps.append(gap_wh / (ess.capacity_kwh * WH_PER_KWH))
    return {
        "participant_id": participant.participant_id,
        "cost_with_krw": shift.with_krw,
        "cost_without_krw": shift.without_krw,
        "recharge_kwh": kwh_text(shift.recharge_wh),
        "stored_value_krw": shift.stored_value_krw,
        "battery_shift_krw": shift.shift_krw,
        "saving_krw": shift.shift_krw,
        "basis": basis_view(BATTERY_SHIFT),
        "stored_change_kwh": kwh_text(change_wh),
        "soc_off_plan_max": round(max(gaps), 5) if gaps else None,
    }
