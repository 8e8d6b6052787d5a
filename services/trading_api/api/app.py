"""Put the application together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.trading_api.api import (
    batteries,
    certificates,
    documents,
    health,
    invoices,
    orders,
    participants,
    problems,
    reads,
    rules,
    session,
    staff,
    stream,
)
from services.trading_api.api.description import DescribedApp
from services.trading_api.api.limits import Limits
from services.trading_api.api.parts import Parts
from services.trading_api.api.places import Places

ROUTERS = (
    orders.entering,
    orders.blocks,
    orders.seeing,
    reads.market,
    reads.series,
    reads.trading,
    reads.accounts,
    batteries.router,
    invoices.router,
    certificates.router,
    staff.operating,
    staff.planning,
    rules.ruling,
    rules.seeing,
    participants.router,
    stream.router,
    session.router,
    health.router,
    documents.router,
)
FEED_END_S = 2.0
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}


class SecurityHeaders:
    """Tell browsers what pages of ours never do; plain ASGI, so that the live stream is not held back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers to its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def create_app(parts: Parts, *additions: Callable[[FastAPI], None]) -> FastAPI:
    """Return the application: the API, the console's session, and whatever is added to them (the console)."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts.feed.clock = parts.clock
        reader = asyncio.create_task(parts.feed.run())
        yield
        parts.feed.close()
        app.state.questions.shutdown(wait=False, cancel_futures=True)
        # A database that hangs must not keep the process from ending.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader, FEED_END_S)

    app = DescribedApp(
        title="Sandan trading API",
        version="1",
        summary="Orders, auctions and statements of one industrial complex's energy exchange",
        # Served as a call like others, which checks how it is asked.
        openapi_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(SecurityHeaders)
    app.state.parts = parts
    app.state.limits = Limits(parts.rules)
    app.state.places = Places()
    app.state.questions = ThreadPoolExecutor(max_workers=health.QUESTIONS_MAX, thread_name_prefix="health")
    problems.add_handlers(app)
    routers = (*ROUTERS, *([documents.pages] if parts.rules.docs else ()))
    app.state.routes = [route for router in routers for route in router.routes]
    for router in routers:
        app.include_router(router)
    for add in additions:
        add(app)
    return app
