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
from sqlalchemy.engine import Engine

from services.trading_api.access.authentication import Authenticator
from services.trading_api.access.bootstrap import load_keys, read_keys_file
from services.trading_api.access.tokens import trusted_tokens
from services.trading_api.app import create_app
from services.trading_api.console.pages import add_console
from services.trading_api.handlers import service
from services.trading_api.http.connections import connections_max, http_server
from services.trading_api.http.limits import PLACES
from services.trading_api.http.state import ApiOptions, AppState
from services.trading_api.live.feed import Feed
from services.trading_api.pruning import Keep
from shared.db.engine import open_engine
from shared.db.revisions import require_newest
from shared.db.writer import Writer
from shared.errors import BadInput
from shared.runtime.entry import run
from shared.runtime.service_main import Context, open_context, patiently, serve, stop_on_signals
from shared.scenes import SceneFolder
from shared.settings import load

logger = logging.getLogger(__name__)

JOIN_S = 6.0
UNCONFIRMED_MS = 30_000
# Besides what is a call: the live stream's reader and resumes, questions of health.
CONNECTIONS_BESIDE = 10


class Settings(BaseSettings):
    """Environment of the trading API; see .env.example."""

    model_config = SettingsConfigDict(env_prefix="TRADING_API_", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=1, le=65_535, description="Port to listen on.")
    bootstrap_keys_file: Path | None = Field(default=None, description="API keys that exist from the start (JSON).")
    jwt_keys_file: Path | None = Field(
        default=None, description="Public keys (JWKS) of an identity provider whose tokens are taken; unset: no tokens."
    )
    jwt_issuer: str | None = Field(default=None, description="`iss` of its tokens.")
    jwt_audience: str | None = Field(default=None, description="`aud` by which the provider knows this API.")
    writes_per_s: int = Field(
        default=50,
        ge=1,
        description="Writing calls a second: of one participant over all its keys, of the staff by key or subject.",
    )
    reads_per_s: int = Field(default=200, ge=1, description="Reading calls a second, counted likewise.")
    streams_per_key: int = Field(default=20, ge=1, description="Live connections of one key or token subject.")
    streams_per_participant: int = Field(
        default=60, ge=1, description="Live connections of one participant, over all its keys."
    )
    refusals_per_min: int = Field(
        default=600,
        ge=1,
        description="Calls of one address that are answered with 401 or 403 in a minute; then 429, except for "
        "credentials that were let in before.",
    )
    sign_ins_per_min: int = Field(default=30, ge=1, description="Sign-ins of one address to the console in a minute.")
    connections_max: int | None = Field(
        default=None,
        ge=16,
        description="Connections at a time; unset: the limit of open descriptors (`ulimit -n`) less 160 for the rest.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses of reverse proxies, separated by commas, whose `X-Forwarded-For` names the caller.",
    )
    open_orders_max: int = Field(default=1_000, ge=1, description="Open orders of one participant.")
    keep_days: int = Field(
        default=400,
        ge=8,
        description="Days for which readings, states of charge, set-points and dead letters are listed.",
    )
    curves_keep_days: int = Field(
        default=45,
        ge=2,
        description="Days for which forecasts and plans are listed. Orders, trades and settled intervals stay.",
    )
    session_hours: int = Field(default=12, ge=1, le=24 * 7, description="Hours that a console session lasts.")
    database_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Seconds that a call waits for one answer of the database; then 503 with `Retry-After`.",
    )
    docs: bool = Field(default=False, description="Serve `/docs`, a page that loads its scripts from the internet.")
    scenes_dir: Path | None = Field(
        default=None,
        description="Folder by which a demo's scenes are asked for, which `sandan demo` sets; unset: no scenes.",
    )
    secure_cookie: bool = Field(default=False, description="Send the session cookie over HTTPS only.")


def main() -> None:
    """Serve until a signal, or until the run loop ends."""
    settings = load(Settings)
    tokens = trusted_tokens(settings.jwt_keys_file, settings.jwt_issuer, settings.jwt_audience)
    listener = _listen(settings.host, settings.port)
    context = open_context("trading_api", wait=False)
    engine = _engine_of(context, settings.database_timeout_s)
    feed = Feed(engine, context.complexes, context.clock)
    writer = Writer(engine)
    writer.after_commit(feed.nudge)
    stop = stop_on_signals()
    state = AppState(
        complexes=context.complexes,
        clock=context.clock,
        engine=engine,
        begin=writer.begin,
        stream_tells=feed.tells,
        acknowledged=context.bus.acknowledged,
        simulated_clock=context.simulated_clock,
        scenes=None if settings.scenes_dir is None else SceneFolder(settings.scenes_dir),
        authenticate=Authenticator(engine, context.complexes, context.clock, tokens),
        metrics=context.metrics,
        options=ApiOptions(
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
    )
    keys_file = settings.bootstrap_keys_file
    keys = [] if keys_file is None else read_keys_file(keys_file, context.complexes, now=context.clock.shown())

    def prepare() -> None:
        require_newest(context.engine, context.service)
        load_keys(context.engine, keys, now=context.clock.now())

    server = http_server(
        create_app(
            state, feed, functools.partial(add_console, complexes=context.complexes, scenes=state.scenes is not None)
        ),
        connections=settings.connections_max or connections_max(),
        trusted_proxies=settings.trusted_proxies,
    )
    keep = Keep(timedelta(days=settings.keep_days), timedelta(days=settings.curves_keep_days))
    read_model = service(context.complexes, keep=keep)

    def run_loop() -> None:
        if patiently(prepare, stop):
            serve(read_model, context, stop, writer)

    _run_both(server, listener, run_loop, feed, stop)


def _engine_of(context: Context, answer_s: float) -> Engine:
    """Return the calls' own connections: they are told sooner than the run loop that an answer is late."""
    return open_engine(
        context.engine.url,
        answer_s=answer_s,
        connections_max=PLACES + CONNECTIONS_BESIDE,
        idle_transaction_s=2 * answer_s,
    )


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
