"""Put the application together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

from services.trading_api.access import routes as access
from services.trading_api.batteries import routes as batteries
from services.trading_api.bidding import routes as bidding
from services.trading_api.billing import routes as billing
from services.trading_api.certificates import routes as certificates
from services.trading_api.forecasts import routes as forecasts
from services.trading_api.http import documents, health, problems
from services.trading_api.http.answers import AnswerHeaders, HeadAsGet
from services.trading_api.http.description import DescribedApp
from services.trading_api.http.limits import Limits
from services.trading_api.http.state import AppState
from services.trading_api.http.timing import Timing
from services.trading_api.live import stream
from services.trading_api.live.feed import Feed
from services.trading_api.market import routes as market
from services.trading_api.metering import routes as metering
from services.trading_api.operation import routes as operation
from services.trading_api.orders import routes as orders
from services.trading_api.overview import routes as overview
from services.trading_api.savings import routes as savings
from services.trading_api.scenes import routes as scenes
from services.trading_api.studies import routes as studies

ROUTERS = (
    *orders.ROUTERS,
    *bidding.ROUTERS,
    *market.ROUTERS,
    *overview.ROUTERS,
    *metering.ROUTERS,
    *forecasts.ROUTERS,
    *batteries.ROUTERS,
    *savings.ROUTERS,
    *billing.ROUTERS,
    *certificates.ROUTERS,
    *studies.ROUTERS,
    *operation.ROUTERS,
    *access.ROUTERS,
    *stream.ROUTERS,
    health.router,
    documents.router,
)
FEED_END_S = 2.0


def create_app(state: AppState, feed: Feed, *additions: Callable[[FastAPI], None]) -> FastAPI:
    """Return the application.

    Args:
        state: What the routes work with.
        feed: What the live stream tells of; read for as long as the application runs.
        additions: Add pages beside the API's calls (the console).
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reader = asyncio.create_task(feed.run())
        yield
        feed.close()
        app.state.health_threads.shutdown(wait=False, cancel_futures=True)
        # A database that hangs must not keep the process from ending.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader, FEED_END_S)

    app = DescribedApp(
        title="Sandan trading API",
        version="1",
        summary="Orders, auctions and statements of one industrial complex's energy exchange",
        # Served as a call like others, which checks how it is asked.
        openapi_url=None,
        # A redirect would lead to the host that the caller named.
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.add_middleware(AnswerHeaders)
    app.add_middleware(Timing, metrics=state.metrics)
    app.add_middleware(HeadAsGet)
    app.state.deployment = state
    app.state.feed = feed
    app.state.limits = Limits(state.options)
    app.state.health_threads = ThreadPoolExecutor(max_workers=health.QUESTIONS_MAX, thread_name_prefix="health")
    problems.add_handlers(app)
    routers = (
        *ROUTERS,
        *([documents.pages] if state.options.docs else ()),
        *(scenes.ROUTERS if state.scenes is not None else ()),
    )
    app.state.routes = [route for router in routers for route in router.routes]
    for router in routers:
        app.include_router(router)
    for add in additions:
        add(app)
    return app
