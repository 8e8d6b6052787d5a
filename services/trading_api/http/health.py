"""Whether this process lives, and whether it can do its work."""

import asyncio
from concurrent.futures import Executor
from datetime import datetime

from fastapi import APIRouter, Response
from starlette.requests import Request
from typing_extensions import TypedDict

from services.trading_api.http.guard import open_to_all
from services.trading_api.http.state import AppState, State
from services.trading_api.text import instant_text
from shared.clock import ClockStepped
from shared.db import messaging
from shared.db.engine import DATABASE_FAULTS, reading

router = APIRouter(prefix="/health", route_class=open_to_all(waits=False), tags=["health"])
DATABASE_SILENCE_S_MAX = 2.0
# Questions that a hung database owes an answer to; a further one waits for their end, and gives up before it.
QUESTIONS_MAX = 2


class Readiness(TypedDict):
    """Whether the service can do its work, and which part can't.

    The first two instants are the wall's and null where nothing was acknowledged since the start. `outbox_oldest_at` is
    the market's: when the oldest of the events that the broker has not taken yet occurred, null where there is none.
    """

    ready: bool
    database: bool
    broker: bool
    stream: bool
    clock: bool
    broker_answered_at: str | None
    published_at: str | None
    outbox_oldest_at: str | None


@router.get("/live")
async def live() -> dict[str, bool]:
    """Say that the process answers; it needs no thread, which may all wait for something."""
    return {"live": True}


@router.get("/ready", responses={503: {"model": Readiness, "description": "Some part can't do its work."}})
async def ready(request: Request, response: Response, state: State) -> Readiness:
    """Say whether the database answers, the broker takes what is published, the live stream tells and the clock holds.

    Otherwise the answer is 503.
    """
    database, oldest_at = await _outbox(request.app.state.health_threads, state)
    acknowledged = state.acknowledged
    broker, stream, clock = acknowledged.well(), state.stream_tells(), _clock_is_believed(state)
    is_ready = database and broker and stream and clock
    if not is_ready:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return {
        "ready": is_ready,
        "database": database,
        "broker": broker,
        "stream": stream,
        "clock": clock,
        "broker_answered_at": _text(acknowledged.answered_at),
        "published_at": _text(acknowledged.published_at),
        "outbox_oldest_at": _text(oldest_at),
    }


async def _outbox(questions: Executor, state: AppState) -> tuple[bool, datetime | None]:
    """Ask in a thread of its own whether the database answers, a silence being an answer too, and what is unsent."""

    def ask() -> datetime | None:
        with reading(state.engine) as db:
            return messaging.oldest_unsent_at(db)

    loop = asyncio.get_running_loop()
    try:
        return True, await asyncio.wait_for(loop.run_in_executor(questions, ask), DATABASE_SILENCE_S_MAX)
    except (TimeoutError, *DATABASE_FAULTS):
        return False, None


def _clock_is_believed(state: AppState) -> bool:
    try:
        state.clock.now()
    except ClockStepped:
        return False
    return True


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)
