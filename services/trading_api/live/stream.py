"""The live stream: a snapshot, then events with their numbers; a client that comes back goes on where it was."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import Annotated

from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.types import Receive, Send
from starlette.types import Scope as ConnectionScope

from services.trading_api.http.guard import guarded
from services.trading_api.http.limits import limits_of
from services.trading_api.http.state import AppState, Caller, State
from services.trading_api.live.feed import LINE_END, Feed, Heard, server_sent
from services.trading_api.log.stream import STREAM_PAGE
from services.trading_api.overview.day import overview
from services.trading_api.roles import Principal, Scope, audience_of
from services.trading_api.text import JsonObject, instant_text
from shared.clock import monotonic_s
from shared.db.engine import DATABASE_FAULTS, reading

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_READ), tags=["live"])
ROUTERS = (router,)
HEARTBEAT_S = 1.0
PING_S = 15
# A key that was revoked hears nothing new after this time.
CHECK_EVERY_S = 10.0


@router.get("/stream", response_class=EventSourceResponse)
async def get_stream(
    request: Request,
    state: State,
    caller: Caller,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Send what happens, as server-sent events.

    A snapshot, then orders, auctions, readings and so on, each with its number as `id`. `devices` (those that
    changed) and `clock` have none: they are states, and come in full after a reconnection.
    """
    place = limits_of(request).streams.place(caller)
    live = _live(request, state, caller, last_event_id)
    return CountedStream(place, live)


class CountedStream(EventSourceResponse):
    """A live connection that takes one of its caller's places for as long as it lasts."""

    def __init__(self, place: AbstractContextManager[None], content: AsyncIterator[bytes]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, ping=PING_S, headers=headers, sep=LINE_END)
        self._place = place

    async def __call__(self, scope: ConnectionScope, receive: Receive, send: Send) -> None:
        """Send the stream, if there is a place for it.

        Raises:
            Problem: Nothing is free; nothing was sent.
        """
        with self._place:
            await super().__call__(scope, receive, send)


async def _live(
    request: Request, state: AppState, caller: Principal, last_event_id: str | None
) -> AsyncIterator[bytes]:
    feed: Feed = request.app.state.feed
    try:
        position = await _resumed(feed, caller, last_event_id)
        if position is None:
            snapshot = await feed.ask(_snapshot, state, caller)
            position = int(snapshot["sequence"])
            yield server_sent("snapshot", snapshot, number=position)
        devices_seen = 0
        checked_at = monotonic_s()
        while not feed.closed:
            missed = await _missed(feed, caller.complex_id, position)
            if missed is None:
                # So far behind that the log no longer holds it: the client reconnects and gets a new snapshot.
                return
            position = missed[-1].sequence if missed else position
            news = [heard.sent for heard in missed if caller.hears(heard.kind, heard.audience)]
            changed = feed.devices_since(caller.complex_id, devices_seen)
            devices_seen = max((seen.number for seen in changed), default=devices_seen)
            mine = [seen.view for seen in changed if caller.hears("devices", audience_of(seen.participant_id))]
            if mine:
                news.append(server_sent("devices", mine))
            news.append(server_sent("clock", {"now": instant_text(state.clock.shown()), "speed": state.clock.speed}))
            yield b"".join(news)
            if monotonic_s() - checked_at >= CHECK_EVERY_S:
                checked_at = monotonic_s()
                if await feed.ask(state.authenticate, request) != caller:
                    return
            if len(missed) < STREAM_PAGE:
                await feed.news(HEARTBEAT_S)
    except DATABASE_FAULTS as fault:
        # The client reconnects, and is told again when the database answers.
        logger.warning("a live connection was ended: the database is away", extra={"reason": type(fault).__name__})


async def _missed(feed: Feed, complex_id: str, position: int) -> Sequence[Heard] | None:
    """Return what followed a number, from memory or else a page from the database; None where neither has it."""
    remembered = feed.since(complex_id, position)
    return await feed.page_since(complex_id, position) if remembered is None else remembered


async def _resumed(feed: Feed, caller: Principal, last_event_id: str | None) -> int | None:
    """Return the number to go on from, None where the client needs a snapshot."""
    digits = last_event_id or ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):  # noqa: PLR2004 -- fits 64 bits
        return None
    known = await feed.knows(caller.complex_id, int(digits))
    return int(digits) if known else None


def _snapshot(state: AppState, caller: Principal) -> JsonObject:
    with reading(state.engine) as db:
        return overview(db, state, caller, None)
