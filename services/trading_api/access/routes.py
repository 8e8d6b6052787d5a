"""API keys and revoked tokens: seen, made and revoked by the operator."""

import secrets

from fastapi import APIRouter, Response

from services.trading_api.access import commands, queries, sessions
from services.trading_api.access.schemas import KeyIn, RevokedTokenIn
from services.trading_api.access.views import KeyView, NewKeyView, RevokedTokenView, key_view, revoked_token_view
from services.trading_api.http.credentials import hash_of
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.problems import FieldError, Problem
from services.trading_api.http.state import AppState, Caller, State
from services.trading_api.log.commands import AuditedCommand
from services.trading_api.roles import Principal, Role, Scope
from shared.clock import wall_now

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])
ROUTERS = (router, sessions.router)


@router.post("/api-keys", status_code=201)
def post_key(wanted: KeyIn, response: Response, state: State, caller: Caller) -> NewKeyView:
    """Make an API key of 256 random bits."""
    _require_fitting(wanted, state, caller)
    secret = secrets.token_urlsafe(32)
    new = commands.NewKey(
        key_hash=hash_of(secret), role=wanted.role, participant_id=wanted.participant_id, name=wanted.name
    )
    with state.begin() as db:
        row = commands.create_key(AuditedCommand(db, caller, state.clock.now()), new)
    response.headers["Cache-Control"] = "no-store"
    return NewKeyView(**key_view(row), key=secret)


def _require_fitting(wanted: KeyIn, state: AppState, caller: Principal) -> None:
    members = state.complex_of(caller).by_participant
    if wanted.role is Role.FACTORY and wanted.participant_id not in members:
        rule = "must name a participant of the complex"
    elif wanted.role is not Role.FACTORY and wanted.participant_id is not None:
        rule = "belongs to the role factory only"
    else:
        return
    raise Problem("invalid_request", errors=[FieldError("participant_id", rule, None, str(wanted.participant_id))])


@router.get("/api-keys")
def get_keys(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[KeyView]:
    """List the complex's API keys, without their secrets."""
    return paged(state, queries.key_list(caller.complex_id), key_view, limit=limit, cursor=cursor)


@router.delete("/api-keys/{key_id}")
def delete_key(key_id: str, state: State, caller: Caller) -> KeyView:
    """Revoke an API key: from now on it is as good as unknown."""
    with state.begin() as db:
        row = commands.revoke_key(AuditedCommand(db, caller, state.clock.now()), key_id)
    if row is None:
        raise Problem("not_found")
    return key_view(row)


@router.post("/revoked-tokens", status_code=201)
def post_revoked_token(wanted: RevokedTokenIn, state: State, caller: Caller) -> RevokedTokenView:
    """Revoke a token of the identity provider: from now on it is as good as unknown."""
    with state.begin() as db:
        command = AuditedCommand(db, caller, state.clock.now())
        row = commands.revoke_token(command, wanted.jti, wall=wall_now())
    return revoked_token_view(row)
