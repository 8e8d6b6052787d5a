"""The market's time: how fast it goes, and which gates close next."""

from datetime import datetime

from sqlalchemy.engine import Connection
from typing_extensions import TypedDict

from services.trading_api.http.state import AppState
from services.trading_api.rules.queries import rules_at
from services.trading_api.text import instant_text
from shared.complex.model import Complex
from shared.intervals import INTERVAL, interval_of

GATES_SHOWN = 4


class GateView(TypedDict):
    """A delivery interval whose book is open, and when it closes."""

    delivery_start: str
    gate_closure: str


class ClockView(TypedDict):
    """The market's time. `speed` is in its seconds a second, 0 while it stands; the operator sets a simulated one's."""

    now: str
    speed: float
    is_simulated: bool
    next_gates: list[GateView]


def clock_view(db: Connection, state: AppState, complex_: Complex) -> ClockView:
    """Show the clock, with the gates that close next by the calendar in force."""
    now = state.clock.shown()
    return {
        "now": instant_text(now),
        "speed": state.clock.speed,
        "is_simulated": state.clock.is_simulated,
        "next_gates": _next_gates(db, complex_, now),
    }


def _next_gates(db: Connection, complex_: Complex, now: datetime) -> list[GateView]:
    rules = rules_at(db, complex_, now)
    # The first interval whose gate, a lead before it, is still ahead.
    first = interval_of(now + rules.gate_closure_lead) + INTERVAL
    starts = [first + number * INTERVAL for number in range(GATES_SHOWN)]
    return [
        {"delivery_start": instant_text(start), "gate_closure": instant_text(start - rules.gate_closure_lead)}
        for start in starts
    ]
