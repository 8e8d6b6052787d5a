"""Serve the trading API and its console, with the run loop beside them."""

import functools
import logging
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import uvicorn
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.trading_api import handlers
from services.trading_api.api.app import create_app
from services.trading_api.api.bootstrap import load_keys, read_keys_file
from services.trading_api.api.connections import connections_max, http_server
from services.trading_api.api.feed import Feed
from services.trading_api.api.parts import Parts, Rules
from services.trading_api.api.places import PLACES
from services.trading_api.api.tokens import trusted_tokens
from services.trading_api.console.pages import add_console
from services.trading_api.store.pruning import Keep
from shared.db.engine import open_engine
from shared.db.migrating import require_newest
from shared.errors import BadInput
from shared.runtime.service_main import open_context, patiently, run, serve, stop_on_signals
from shared.settings import load

logger = logging.getLogger(__name__)

JOIN_S = 6.0
UNCONFIRMED_MS = 30_000
# Besides what is a call: the live stream's reader and resumes, questions of health.
CONNECTIONS_BESIDE = 10


class Settings(BaseSettings):
    """Environment of the trading API; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="TRADING_API_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65_535)
    bootstrap_keys_file: Path | None = None
    jwt_keys_file: Path | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    writes_per_s: int = Field(default=50, ge=1)
    reads_per_s: int = Field(default=200, ge=1)
    streams_per_key: int = Field(default=20, ge=1)
    streams_per_participant: int = Field(default=60, ge=1)
    refusals_per_min: int = Field(default=600, ge=1)
    sign_ins_per_min: int = Field(default=30, ge=1)
    connections_max: int | None = Field(default=None, ge=16)
    trusted_proxies: str = ""
    open_orders_max: int = Field(default=1_000, ge=1)
    keep_days: int = Field(default=400, ge=8)
    curves_keep_days: int = Field(default=45, ge=2)
    session_hours: int = Field(default=12, ge=1, le=24 * 7)
    database_timeout_s: float = Field(default=5.0, gt=0, le=60)
    docs: bool = False
    secure_cookie: bool = False


def main() -> None:
    """Serve until a signal, or until the run loop ends."""
    settings = load(Settings)
    tokens = trusted_tokens(settings.jwt_keys_file, settings.jwt_issuer, settings.jwt_audience)
    listener = _listen(settings.host, settings.port)
    context = open_context("trading_api", wait=False)
    # Calls have connections of their own: they can't take the run loop's, and are told sooner that an answer is late.
    answer_s = settings.database_timeout_s
    engine = open_engine(
        context.engine.url,
        answer_s=answer_s,
        connections_max=PLACES + CONNECTIONS_BESIDE,
        idle_transaction_s=2 * answer_s,
    )
    feed = Feed(engine, context.complexes)
    stop = stop_on_signals()
    parts = Parts(
        complexes=context.complexes,
        clock=context.clock,
        engine=engine,
        feed=feed,
        acknowledged=context.bus.acknowledged,
        rules=Rules(
            writes_per_s=settings.writes_per_s,
            reads_per_s=settings.reads_per_s,
            streams_per_key=settings.streams_per_key,
            streams_per_participant=settings.streams_per_participant,
            refusals_per_min=settings.refusals_per_min,
            sign_ins_per_min=settings.sign_ins_per_min,
            open_orders_max=settings.open_orders_max,
            session_hours=settings.session_hours,
            docs=settings.docs,
            secure_cookie=settings.secure_cookie,
        ),
        tokens=tokens,
    )
    keys_file = settings.bootstrap_keys_file
    keys = [] if keys_file is None else read_keys_file(keys_file, context.complexes)

    def prepare() -> None:
        require_newest(context.engine, context.service)
        load_keys(context.engine, keys, now=context.clock.now())

    server = http_server(
        create_app(parts, functools.partial(add_console, complexes=context.complexes)),
        connections=settings.connections_max or connections_max(),
        trusted_proxies=settings.trusted_proxies,
    )
    keep = Keep(timedelta(days=settings.keep_days), timedelta(days=settings.curves_keep_days))
    service = handlers.service(context.complexes, after_batch=feed.nudge, keep=keep)

    def run_loop() -> None:
        if patiently(prepare, stop):
            serve(service, context, stop)

    _run_both(server, listener, run_loop, feed, stop)


def _run_both(
    server: uvicorn.Server, listener: socket.socket, run_loop: Callable[[], None], feed: Feed, stop: threading.Event
) -> None:
    """Run the server here and the loop beside it; the end of one is the end of both."""
    ended_by: list[BaseException] = []

    def loop() -> None:
        try:
            run_loop()
        except BaseException as error:  # noqa: BLE001 -- handed to the main thread, which raises it
            ended_by.append(error)
        finally:
            feed.close()
            server.should_exit = True

    beside = threading.Thread(target=loop, name="run-loop")
    beside.start()
    try:
        server.run(sockets=[listener])
    finally:
        stop.set()
        beside.join(JOIN_S)
    if ended_by:
        raise ended_by[0]


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Whoever left without a word (a notebook that was shut) is found out when what it is sent stays unconfirmed.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNCONFIRMED_MS)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadInput(
            where="environment",
            field="TRADING_API_PORT (--port)",
            rule=f"must be a free port of {host}",
            value=port,
            hint=f"{error.strerror}; stop the program that listens there, or choose another port",
        ) from None
    return listener


if __name__ == "__main__":
    run(main)
