"""The console's session: a key handed in once becomes a cookie that scripts can't read."""

import secrets
from datetime import timedelta

from fastapi import APIRouter, Response
from starlette.requests import Request

from services.trading_api.access import queries
from services.trading_api.access.schemas import SessionIn
from services.trading_api.http.credentials import COOKIE, hash_of
from services.trading_api.http.guard import open_to_all
from services.trading_api.http.limits import limits_of
from services.trading_api.http.problems import Problem
from services.trading_api.http.state import State
from shared.clock import wall_now
from shared.db.engine import reading

router = APIRouter(prefix="/console/session", route_class=open_to_all(), include_in_schema=False)


@router.post("", status_code=204)
def post_session(wanted: SessionIn, request: Request, state: State) -> Response:
    """Open a session for whoever has a key."""
    refusals = limits_of(request).refusals
    refusals.sign_in(request)
    token = secrets.token_urlsafe(32)
    # A new session drops those that are over: not by a clock that was stepped.
    state.clock.now()
    wall = wall_now()
    lasting = timedelta(hours=state.options.session_hours)
    # Whoever has no key is sent away by a read: those who write wait for nobody's guesses.
    with reading(state.engine) as db:
        principal = queries.principal_of_key(db, hash_of(wanted.key))
    if principal is None or principal.complex_id not in state.complexes:
        refusals.refused(request)
        raise Problem("unauthorized")
    with state.begin() as db:
        queries.open_session(db, principal, token_hash=hash_of(token), wall=wall, expires_at=wall + lasting)
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(lasting.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=state.options.secure_cookie,
    )
    return response


@router.delete("", status_code=204)
def delete_session(request: Request, state: State) -> Response:
    """End the session."""
    token = request.cookies.get(COOKIE)
    if token is not None:
        with state.begin() as db:
            queries.close_session(db, hash_of(token))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=state.options.secure_cookie)
    return response
