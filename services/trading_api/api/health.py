"""Whether this process lives, and whether it can do its work."""

import asyncio
from concurrent.futures import Executor

import sqlalchemy as sa
from fastapi import APIRouter, Response
from starlette.requests import Request
from typing_extensions import TypedDict

from services.trading_api.api.guard import open_to_all
from services.trading_api.api.parts import Parts, PartsHere
from shared.clock import ClockStepped, monotonic_s
from shared.db.engine import DATABASE_FAULTS, reading

router = APIRouter(prefix="/health", route_class=open_to_all(waits=False), tags=["health"])

# The run loop commits or ticks many times a second; silence this long means that the broker or the database is away.
SILENCE_S_MAX = 10.0
DATABASE_SILENCE_S_MAX = 2.0
# Questions that a hung database owes an answer to; a further one waits for their end, and gives up before it.
QUESTIONS_MAX = 2


class Readiness(TypedDict):
    """Whether the service can do its work, and which part can't."""

    ready: bool
    database: bool
    broker: bool
    stream: bool
    clock: bool


@router.get("/live")
async def live() -> dict[str, bool]:
    """Say that the process answers; it needs no thread, which may all wait for something."""
    return {"live": True}


@router.get("/ready")
async def ready(request: Request, response: Response, parts: PartsHere) -> Readiness:
    """Say whether the database answers, the run loop reaches the broker, the live stream tells and the clock holds.

    Otherwise the answer is 503.
    """
    database = await _database_answers(request.app.state.questions, parts)
    last = parts.feed.batch_at_s
    broker = last is not None and monotonic_s() - last < SILENCE_S_MAX
    stream, clock = parts.feed.tells(), _clock_is_believed(parts)
    is_ready = database and broker and stream and clock
    if not is_ready:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return {"ready": is_ready, "database": database, "broker": broker, "stream": stream, "clock": clock}


async def _database_answers(questions: Executor, parts: Parts) -> bool:
    """Ask the database in a thread of its own; a silence is an answer too."""

    def ask() -> None:
        with reading(parts.engine) as db:
            db.execute(sa.select(1))

    try:
        await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(questions, ask), DATABASE_SILENCE_S_MAX)
    except (TimeoutError, *DATABASE_FAULTS):
        return False
    return True


def _clock_is_believed(parts: Parts) -> bool:
    try:
        parts.clock.now()
    except ClockStepped:
        return False
    return True
