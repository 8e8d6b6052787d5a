"""Who may come in, how often, and with how large a body; all of it before a body is looked at."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.trading_api.api import exact_json
from services.trading_api.api.parts import Parts, parts_of
from services.trading_api.api.problems import Problem
from services.trading_api.domain.access import Principal, Role
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
EVERYONE = tuple(Role)

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class Quotas:
    """How many calls each key or subject has left in the present second."""

    def __init__(self, *, writes_per_s: int, reads_per_s: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._writes = RateLimitItemPerSecond(writes_per_s)
        self._reads = RateLimitItemPerSecond(reads_per_s)

    def spend(self, key_id: str, *, writes: bool) -> dict[str, str]:
        """Count a call and return the headers that say what is left.

        Raises:
            Problem: Nothing is left.
        """
        item = self._writes if writes else self._reads
        name = "write" if writes else "read"
        granted = self._limiter.hit(item, name, key_id)
        window = self._limiter.get_window_stats(item, name, key_id)
        headers = {
            "RateLimit-Limit": str(item.amount),
            "RateLimit-Remaining": str(max(0, window.remaining)),
            "RateLimit-Reset": "1",
        }
        if not granted:
            raise Problem("too_many_requests", headers={**headers, "Retry-After": "1"}, limit=item.amount)
        return headers


def hash_of(secret: str) -> str:
    """Return the hash under which a key or a session's token is kept; both are 256 random bits, so no salt."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def guarded(*roles: Role) -> type[APIRoute]:
    """Return a route class that lets in some roles."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handle:
            inner = super().get_route_handler()

            async def handle(request: Request) -> Response:
                parts = parts_of(request)
                checked = StrictRequest(request.scope, request.receive)
                principal = await run_in_threadpool(authenticate, checked, parts)
                if principal is None:
                    raise Problem("unauthorized", headers={"WWW-Authenticate": _challenge(checked)})
                if principal.role not in roles:
                    raise Problem("forbidden", roles=", ".join(roles))
                quotas: Quotas = request.app.state.quotas
                quota = quotas.spend(principal.key_id, writes=request.method not in SAFE_METHODS)
                checked.state.quota = quota
                checked.state.principal = principal
                if not is_storable(request.scope["path"]):
                    raise Problem("not_found")
                await checked.take_body(parts.rules.body_bytes_max)
                response = await inner(checked)
                response.headers.update(quota)
                return response

            return handle

    return Guarded


def open_to_all() -> type[APIRoute]:
    """Return a route class for calls that need no key, but whose bodies are checked alike."""

    class Open(APIRoute):
        def get_route_handler(self) -> Handle:
            inner = super().get_route_handler()

            async def handle(request: Request) -> Response:
                checked = StrictRequest(request.scope, request.receive)
                await checked.take_body(parts_of(request).rules.body_bytes_max)
                return await inner(checked)

            return handle

    return Open


class StrictRequest(Request):
    """A request whose body is bounded and read as exact JSON."""

    async def take_body(self, bytes_max: int) -> None:
        """Read the body, if there is one, before anyone asks for it.

        Raises:
            Problem: It is too large, or not JSON.
        """
        too_large = Problem("body_too_large", limit_bytes=bytes_max)
        declared = self.headers.get("content-length", "0")
        if declared.isdigit() and int(declared[:20]) > bytes_max:
            raise too_large
        content = bytearray()
        async for chunk in self.stream():
            content += chunk
            if len(content) > bytes_max:
                raise too_large
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
