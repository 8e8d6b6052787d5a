"""Automatic bidding: seen and switched by whose it is, and by the operator."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.trading_api.bidding import commands, queries
from services.trading_api.bidding.schemas import BiddingIn
from services.trading_api.bidding.views import BiddingView, bidding_view
from services.trading_api.http.guard import guarded
from services.trading_api.http.problems import FieldError, Problem
from services.trading_api.http.state import AppState, Caller, State
from services.trading_api.log.commands import market_command
from services.trading_api.roles import Principal, Scope
from shared.complex.model import Participant
from shared.db.engine import reading

seeing = APIRouter(prefix="/api/v1/bidding", route_class=guarded(Scope.ORDERS_READ), tags=["orders"])
switching = APIRouter(prefix="/api/v1/bidding", route_class=guarded(Scope.BIDDING_WRITE), tags=["orders"])
ROUTERS = (seeing, switching)

Whose = Annotated[str | None, Query(description="Whose bidding; a factory's own where it is left out.", max_length=100)]


@seeing.get("")
def get_bidding(state: State, caller: Caller, participant_id: Whose = None) -> BiddingView:
    """Say how the exchange bids for a participant."""
    member = _member(state, caller, participant_id)
    with reading(state.engine) as db:
        now = state.clock.shown()
        return bidding_view(queries.bidding_of(db, caller.complex_id, member, now), now)


@switching.put("")
def put_bidding(wanted: BiddingIn, state: State, caller: Caller, participant_id: Whose = None) -> BiddingView:
    """Change how the exchange bids for a participant, from the next open gate on: `effective_from` says which."""
    member, complex_ = _member(state, caller, participant_id), state.complex_of(caller)
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        return bidding_view(commands.state_bidding(command, complex_, member, wanted), command.now)


def _member(state: AppState, caller: Principal, participant_id: str | None) -> Participant:
    """Return whom it is about; another factory's is not there."""
    wanted = participant_id or caller.participant_id
    if wanted is None:
        raise Problem(
            "invalid_request", errors=[FieldError("participant_id", "must be given by an operator", None, "")]
        )
    if caller.participant_id not in {None, wanted}:
        raise Problem("not_found")
    return state.member_of(caller, wanted)
