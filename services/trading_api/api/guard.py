"""Who may come in, how often, and with how large a body; all of it before a body is looked at."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.trading_api.api import connections, exact_json
from services.trading_api.api.asked import check_of
from services.trading_api.api.limits import limits_of
from services.trading_api.api.parts import Parts, parts_of
from services.trading_api.api.places import places_of
from services.trading_api.api.problems import Problem
from services.trading_api.domain.access import Principal, Scope, roles_with
from services.trading_api.store import keys
from services.trading_api.store.sql import is_storable
from shared.clock import wall_now
from shared.db.engine import reading

COOKIE = "sandan_session"
# A page of another site can't set a header without asking first; so a cookie alone never writes.
CONSOLE_HEADER = "x-sandan-console"
SAFE_METHODS = frozenset({"GET", "HEAD"})
KEY_CHARACTERS_MAX = 200
# Room for the claims that providers add.
TOKEN_CHARACTERS_MAX = 4_096
# From the end of the header to the end of the body.
BODY_S = 10.0

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def hash_of(secret: str) -> str:
    """Return the hash under which a key or a session's token is kept; both are 256 random bits, so no salt."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def guarded(scope: Scope) -> type[APIRoute]:
    """Return a route class that lets in the roles with a scope."""

    class Guarded(APIRoute):
        needs = scope

        def get_route_handler(self) -> Handle:
            inner, check = super().get_route_handler(), check_of(self)

            async def handle(request: Request) -> Response:
                parts = parts_of(request)
                checked = StrictRequest(request.scope, request.receive)
                principal = await _let_in(checked, parts, scope)
                quota = limits_of(request).quotas.spend(principal.key_id, writes=request.method not in SAFE_METHODS)
                checked.state.quota = quota
                checked.state.principal = principal
                if not is_storable(request.scope["path"]):
                    raise Problem("not_found")
                # A body may be slow to come; it holds no place.
                await checked.take_body(parts.rules.body_bytes_max)
                check(checked.query_params, await checked.json())
                async with places_of(request).taken():
                    response = await inner(checked)
                response.headers.update(quota)
                return response

            return handle

    return Guarded


async def _let_in(request: Request, parts: Parts, scope: Scope) -> Principal:
    """Return who calls.

    Raises:
        Problem: Nobody who may, or the address was refused too often.
    """
    refusals, credential = limits_of(request).refusals, _credential_of(request)
    refusals.check(request, credential)
    async with places_of(request).taken():
        principal = await run_in_threadpool(authenticate, request, parts)
    if principal is None:
        refusals.refused(request, credential)
        raise Problem("unauthorized", headers={"WWW-Authenticate": _challenge(request)})
    refusals.let_in(credential)
    connections.recognise(request, principal.key_id)
    if not principal.may(scope):
        refusals.refused(request)
        raise Problem("forbidden", roles=", ".join(roles_with(scope)))
    return principal


def open_to_all(*, waits: bool = True) -> type[APIRoute]:
    """Return a route class for calls that need no key, but whose queries and bodies are checked alike.

    Args:
        waits: They may wait for the database, and so for a place; without, they are answered whatever others wait for.
    """

    class Open(APIRoute):
        needs = None

        def get_route_handler(self) -> Handle:
            inner, check = super().get_route_handler(), check_of(self)

            async def handle(request: Request) -> Response:
                checked = StrictRequest(request.scope, request.receive)
                await checked.take_body(parts_of(request).rules.body_bytes_max)
                check(checked.query_params, await checked.json())
                async with places_of(request).taken() if waits else nullcontext():
                    return await inner(checked)

            return handle

    return Open


class StrictRequest(Request):
    """A request whose body is bounded and read as exact JSON."""

    async def take_body(self, bytes_max: int) -> None:
        """Read the body, if there is one, before anyone asks for it.

        Raises:
            Problem: It is too large, too slow, or not JSON.
        ClientDisconnect: It was cut off.
        """
        too_large = Problem("body_too_large", limit_bytes=bytes_max)
        declared = self.headers.get("content-length", "0")
        if declared.isdigit() and int(declared[:20]) > bytes_max:
            raise too_large
        content = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                async for chunk in self.stream():
                    content += chunk
                    if len(content) > bytes_max:
                        raise too_large
        except TimeoutError:
            raise Problem("body_too_slow", headers={"Connection": "close"}, limit_s=int(BODY_S)) from None
        self._taken = bytes(content)
        self._said: Any = None
        if content:
            try:
                self._said = await run_in_threadpool(exact_json.parse, self._taken)
            except exact_json.BadJson as error:
                raise Problem("malformed_json", rule=str(error)) from None

    async def body(self) -> bytes:
        """Return the body."""
        return self._taken

    async def json(self) -> Any:
        """Return what the body says, with exact decimals."""
        return self._said


def authenticate(request: Request, parts: Parts) -> Principal | None:
    """Return who calls: by API key or token in the header, or by the console's cookie where that is safe."""
    if "authorization" in request.headers:
        return _known(_bearer(_token_in(request), parts), parts)
    cookie = request.cookies.get(COOKIE)
    if cookie is None or (request.method not in SAFE_METHODS and CONSOLE_HEADER not in request.headers):
        return None
    with reading(parts.engine) as db:
        return _known(keys.principal_of_session(db, hash_of(cookie), wall=wall_now()), parts)


def _token_in(request: Request) -> str:
    """Return what the header presents as bearer, nothing where it presents something else."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _credential_of(request: Request) -> str | None:
    """Return the hash of what the caller presents, None where that is nothing."""
    presented = request.headers.get("authorization") or request.cookies.get(COOKIE)
    return None if presented is None else hash_of(presented)


def _challenge(request: Request) -> str:
    """Return what RFC 6750 answers to a bearer token that was refused, or to none."""
    return 'Bearer error="invalid_token"' if _token_in(request) else "Bearer"


def _bearer(token: str, parts: Parts) -> Principal | None:
    # No key is longer, and no token that claims all it must and is signed is shorter.
    if 0 < len(token) <= KEY_CHARACTERS_MAX:
        with reading(parts.engine) as db:
            return keys.principal_of_key(db, hash_of(token))
    if parts.tokens is None or not KEY_CHARACTERS_MAX < len(token) <= TOKEN_CHARACTERS_MAX:
        return None
    claims = parts.tokens.claims_of(token, now=wall_now())
    if claims is None:
        return None
    with reading(parts.engine) as db:
        revoked = keys.is_revoked(db, claims.complex_id, claims.jti)
    return None if revoked else claims.principal


def _known(principal: Principal | None, parts: Parts) -> Principal | None:
    """Drop whoever belongs to a complex or participant that the deployment no longer has."""
    if principal is None or principal.complex_id not in parts.complexes:
        return None
    members = parts.complexes[principal.complex_id].by_participant
    return principal if principal.participant_id is None or principal.participant_id in members else None
