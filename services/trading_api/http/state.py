"""What every route works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from sqlalchemy.engine import Engine
from starlette.requests import Request

from services.trading_api.http.problems import Problem
from services.trading_api.roles import Principal
from shared.bus.acknowledged import Acknowledged
from shared.clock import Clock, SharedClock
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, Participant
from shared.db.writer import Begin
from shared.runtime.metrics import Metrics
from shared.scenes import SceneFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """What an operator may set of the API."""

    writes_per_s: int = 50
    reads_per_s: int = 200
    streams_per_key: int = 20
    streams_per_participant: int = 60
    refusals_per_min: int = 600
    sign_ins_per_min: int = 30
    body_bytes_max: int = 65_536
    open_orders_max: int = 1_000
    session_hours: int = 12
    docs: bool = False
    secure_cookie: bool = False


# Who calls, by what a request presents; None where that is nobody.
Authenticate = Callable[[Request], Principal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """The deployment as the API sees it.

    Args:
        begin: Begins a transaction that writes; calls and run loop commit together.
        simulated_clock: The clock where its speed can be set; None where the time is the world's.
        scenes: Where the demo's scenes are asked for; None where nothing is staged, as in every real deployment.
        stream_tells: Whether clients of the live stream hear what is new.
    """

    complexes: Complexes
    clock: Clock
    engine: Engine
    begin: Begin
    stream_tells: Callable[[], bool]
    acknowledged: Acknowledged
    authenticate: Authenticate
    simulated_clock: SharedClock | None = None
    scenes: SceneFolder | None = None
    options: ApiOptions = field(default_factory=ApiOptions)
    metrics: Metrics = field(default_factory=Metrics)

    def complex_of(self, principal: Principal) -> Complex:
        """Return the caller's complex as it is now."""
        return self.complexes.at(principal.complex_id, self.clock.shown())

    def member_of(self, principal: Principal, participant_id: str) -> Participant:
        """Return a participant of the caller's complex.

        Raises:
            Problem: There is none of that id.
        """
        member = self.complex_of(principal).by_participant.get(participant_id)
        if member is None:
            raise Problem("not_found")
        return member


def state_of(request: Request) -> AppState:
    """Return the state of the app that a request came to."""
    state: AppState = request.app.state.deployment
    return state


def caller_of(request: Request) -> Principal:
    """Return who calls; the route has let it in."""
    principal: Principal = request.state.principal
    return principal


State = Annotated[AppState, Depends(state_of)]
Caller = Annotated[Principal, Depends(caller_of)]
