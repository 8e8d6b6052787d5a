"""What a day's batteries were worth."""

from fastapi import APIRouter
from sqlalchemy.engine import Connection

from optimizers.tariff.savings import BATTERY_SHIFT, Shift
from services.trading_api.batteries.domain import largest_gap_wh
from services.trading_api.batteries.queries import observations, planned_wh
from services.trading_api.db.spans import Span
from services.trading_api.http.fields import Day
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import PageOut
from services.trading_api.http.state import Caller, State
from services.trading_api.roles import Scope
from services.trading_api.savings.queries import battery_shifts
from services.trading_api.savings.views import BatteryDayView, basis_view, without_money
from shared.complex.model import Participant
from shared.db.engine import reading
from shared.intervals import DAY, day_start
from shared.units import WH_PER_KWH, kwh_text

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])
ROUTERS = (router,)


@router.get("/batteries")
def get_batteries(day: Day, state: State, caller: Caller) -> PageOut[BatteryDayView]:
    """Return what the batteries of each factory were worth on a Korean day, and how well they held their plans."""
    span = Span(caller.complex_id, day_start(day), day_start(day) + DAY)
    seen = [
        one
        for one in state.complex_of(caller).participants
        if one.ess and caller.participant_id in {None, one.participant_id}
    ]
    with reading(state.engine) as db:
        shifts = battery_shifts(db, span, state.complex_of(caller), seen_by=caller.participant_id)
        days = [_battery_day(db, span, member, shifts.get(member.participant_id, Shift())) for member in seen]
    return PageOut(items=days if caller.may(Scope.ACCOUNTS_READ) else list(map(without_money, days)), next_cursor=None)


def _battery_day(db: Connection, span: Span, participant: Participant, shift: Shift) -> BatteryDayView:
    change_wh, gaps = 0, []
    for ess in participant.ess:
        observed = observations(db, span, ess.device_id)
        change_wh += observed[-1].soc_wh - observed[0].soc_wh if observed else 0
        of_day = [observation for observation in observed if observation.observed_at >= span.first]
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
