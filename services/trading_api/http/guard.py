"""Who may come in, how often, and with how large a body; all of it before a body is looked at."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.trading_api.http import connections
from services.trading_api.http.credentials import SAFE_METHODS, challenge, credential_of
from services.trading_api.http.limits import limits_of
from services.trading_api.http.problems import Problem
from services.trading_api.http.request_check import check_of
from services.trading_api.http.state import AppState, state_of
from services.trading_api.roles import Principal, Scope, roles_with
from shared import strict_json
from shared.errors import BadInput

# From the end of the header to the end of the body.
BODY_S = 10.0
# Parsing so little takes less time than handing it to a thread.
PARSED_AT_ONCE_BYTES = 4_096
Handle = Callable[[Request], Coroutine[object, object, Response]]


def guarded(scope: Scope) -> type[APIRoute]:
    """Return a route class that lets in the roles with a scope."""

    class Guarded(APIRoute):
        needs = scope

        def get_route_handler(self) -> Handle:
            inner, check = super().get_route_handler(), check_of(self)

            async def handle(request: Request) -> Response:
                state = state_of(request)
                checked = StrictRequest(request.scope, request.receive)
                principal = await _let_in(checked, state, scope)
                quota = limits_of(request).quotas.spend(principal.account, writes=request.method not in SAFE_METHODS)
                checked.state.quota = quota
                checked.state.principal = principal
                if not strict_json.is_storable(request.scope["path"]):
                    raise Problem("not_found")
                # A body may be slow to come; it holds no place.
                await checked.take_body(state.options.body_bytes_max)
                check(checked.query_params, await checked.json())
                async with limits_of(request).places.taken():
                    response = await inner(checked)
                response.headers.update(quota)
                return response

            return handle

    return Guarded


async def _let_in(request: Request, state: AppState, scope: Scope) -> Principal:
    """Return who calls.

    Raises:
        Problem: Nobody who may, or the address was refused too often.
    """
    refusals, credential = limits_of(request).refusals, credential_of(request)
    refusals.check(request, credential)
    async with limits_of(request).places.taken():
        principal = await run_in_threadpool(state.authenticate, request)
    if principal is None:
        refusals.refused(request, credential)
        raise Problem("unauthorized", headers={"WWW-Authenticate": challenge(request)})
    refusals.let_in(credential)
    connections.recognise(request, principal.account)
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
                await checked.take_body(state_of(request).options.body_bytes_max)
                check(checked.query_params, await checked.json())
                async with limits_of(request).places.taken() if waits else nullcontext():
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
        self._said: object = None
        if content:
            try:
                self._said = (
                    strict_json.parse(self._taken, where="body")
                    if len(content) <= PARSED_AT_ONCE_BYTES
                    else await run_in_threadpool(strict_json.parse, self._taken, where="body")
                )
            except BadInput as error:
                raise Problem("malformed_json", rule=str(error).removeprefix("body: ")) from None

    async def body(self) -> bytes:
        """Return the body."""
        return self._taken

    async def json(self) -> object:
        """Return what the body says, with exact decimals."""
        return self._said
