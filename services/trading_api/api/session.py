"""The console's session: a key handed in once becomes a cookie that scripts can't read."""

import secrets
from datetime import timedelta

from fastapi import APIRouter, Response
from starlette.requests import Request

from services.trading_api.api.guard import COOKIE, hash_of, open_to_all
from services.trading_api.api.limits import limits_of
from services.trading_api.api.parts import PartsHere
from services.trading_api.api.problems import Problem
from services.trading_api.api.schemas import SessionIn
from services.trading_api.store import keys
from shared.clock import wall_now

router = APIRouter(prefix="/console/session", route_class=open_to_all(), include_in_schema=False)


@router.post("", status_code=204)
def post_session(wanted: SessionIn, request: Request, parts: PartsHere) -> Response:
    """Open a session for whoever has a key."""
    refusals = limits_of(request).refusals
    refusals.sign_in(request)
    token = secrets.token_urlsafe(32)
    # A new session drops those that are over: not by a clock that was stepped.
    parts.clock.now()
    wall = wall_now()
    lasting = timedelta(hours=parts.rules.session_hours)
    with parts.engine.begin() as db:
        principal = keys.principal_of_key(db, hash_of(wanted.key))
        if principal is None or principal.complex_id not in parts.complexes:
            refusals.refused(request)
            raise Problem("unauthorized")
        keys.open_session(db, principal, token_hash=hash_of(token), wall=wall, expires_at=wall + lasting)
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(lasting.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=parts.rules.secure_cookie,
    )
    return response


@router.delete("", status_code=204)
def delete_session(request: Request, parts: PartsHere) -> Response:
    """End the session."""
    token = request.cookies.get(COOKIE)
    if token is not None:
        with parts.engine.begin() as db:
            keys.close_session(db, hash_of(token))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=parts.rules.secure_cookie)
    return response
