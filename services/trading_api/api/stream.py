"""The live stream: a snapshot, then events with their numbers; a client that comes back goes on where it was."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from services.trading_api.api.feed import LINE_END, Heard, server_sent
from services.trading_api.api.guard import authenticate, guarded
from services.trading_api.api.limits import limits_of
from services.trading_api.api.overview import overview
from services.trading_api.api.parts import Caller, Parts, PartsHere
from services.trading_api.api.schemas import Day
from services.trading_api.domain import access
from services.trading_api.domain.access import Principal, audience_of
from services.trading_api.domain.views import instant_text
from services.trading_api.store.logs import STREAM_PAGE
from shared.clock import monotonic_s
from shared.db.engine import DATABASE_FAULTS, reading

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1", route_class=guarded(access.Scope.MARKET_READ), tags=["live"])

HEARTBEAT_S = 1.0
PING_S = 15
# A key that was revoked hears nothing new after this time.
CHECK_EVERY_S = 10.0


@router.get("/overview")
def get_overview(parts: PartsHere, caller: Caller, day: Day | None = None) -> dict[str, Any]:
    """Return a trading day at a glance; the same as the stream's snapshot."""
    with reading(parts.engine) as db:
        return overview(db, parts, caller, day)


@router.get("/stream", response_class=EventSourceResponse)
async def get_stream(
    request: Request,
    parts: PartsHere,
    caller: Caller,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Send what happens, as server-sent events.

    A snapshot, then orders, auctions, readings and so on, each with its number as `id`. `devices` (those that
    changed) and `clock` have none: they are states, and come in full after a reconnection.
    """
    place = limits_of(request).streams.place(caller)
    live = _live(request, parts, caller, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return CountedStream(place, live, ping=PING_S, headers=headers, sep=LINE_END)


class CountedStream(EventSourceResponse):
    """A live connection that takes one of its caller's places for as long as it lasts."""

    def __init__(self, place: AbstractContextManager[None], content: AsyncIterator[bytes], **how: Any) -> None:
        super().__init__(content, **how)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, if there is a place for it.

        Raises:
            Problem: Nothing is free; nothing was sent.
        """
        with self._place:
            await super().__call__(scope, receive, send)


async def _live(request: Request, parts: Parts, caller: Principal, last_event_id: str | None) -> AsyncIterator[bytes]:
    try:
        position = await _resumed(parts, caller, last_event_id)
        if position is None:
            snapshot = await parts.feed.ask(_snapshot, parts, caller)
            position = int(snapshot["sequence"])
            yield server_sent("snapshot", snapshot, number=position)
        devices_seen = 0
        checked_at = monotonic_s()
        while not parts.feed.closed:
            missed = await _missed(parts, caller.complex_id, position)
            if missed is None:
                # So far behind that the log no longer holds it: the client reconnects and gets a new snapshot.
                return
            position = missed[-1].sequence if missed else position
            news = [heard.sent for heard in missed if caller.hears(heard.kind, heard.audience)]
            changed = parts.feed.devices_since(caller.complex_id, devices_seen)
            devices_seen = max((seen.number for seen in changed), default=devices_seen)
            mine = [seen.view for seen in changed if caller.hears("devices", audience_of(seen.participant_id))]
            if mine:
                news.append(server_sent("devices", mine))
            news.append(server_sent("clock", {"now": instant_text(parts.clock.shown()), "speed": parts.clock.speed}))
            yield b"".join(news)
            if monotonic_s() - checked_at >= CHECK_EVERY_S:
                checked_at = monotonic_s()
                if await parts.feed.ask(authenticate, request, parts) != caller:
                    return
            if len(missed) < STREAM_PAGE:
                await parts.feed.news(HEARTBEAT_S)
    except DATABASE_FAULTS as fault:
        # The client reconnects, and is told again when the database answers.
        logger.warning("a live connection was ended: the database is away", extra={"reason": type(fault).__name__})


async def _missed(parts: Parts, complex_id: str, position: int) -> Sequence[Heard] | None:
    """Return what followed a number, from memory or else a page from the database; None where neither has it."""
    remembered = parts.feed.since(complex_id, position)
    return await parts.feed.page_since(complex_id, position) if remembered is None else remembered


async def _resumed(parts: Parts, caller: Principal, last_event_id: str | None) -> int | None:
    """Return the number to go on from, None where the client needs a snapshot."""
    digits = last_event_id or ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):  # noqa: PLR2004 -- fits 64 bits
        return None
    known = await parts.feed.knows(caller.complex_id, int(digits))
    return int(digits) if known else None


def _snapshot(parts: Parts, caller: Principal) -> dict[str, Any]:
    with reading(parts.engine) as db:
        return overview(db, parts, caller, None)
