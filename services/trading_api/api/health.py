"""Whether this process lives, and whether it can do its work."""

import sqlalchemy as sa
from fastapi import APIRouter, Response
from typing_extensions import TypedDict

from services.trading_api.api.guard import open_to_all
from services.trading_api.api.parts import PartsHere
from shared.clock import monotonic_s
from shared.db.engine import reading

router = APIRouter(prefix="/health", route_class=open_to_all(), tags=["health"])

# The run loop commits or ticks many times a second; silence this long means that the broker or the database is away.
SILENCE_S_MAX = 10.0


class Readiness(TypedDict):
    """Whether the service can do its work, and which part can't."""

    ready: bool
    database: bool
    broker: bool
    stream: bool


@router.get("/live")
def live() -> dict[str, bool]:
    """Say that the process answers."""
    return {"live": True}


@router.get("/ready")
def ready(response: Response, parts: PartsHere) -> Readiness:
    """Say whether the database answers, the run loop reaches the broker and the live stream tells; 503 if not."""
    try:
        with reading(parts.engine) as db:
            db.execute(sa.select(1))
        database = True
    except sa.exc.OperationalError:
        database = False
    last = parts.feed.batch_at_s
    broker = last is not None and monotonic_s() - last < SILENCE_S_MAX
    stream = parts.feed.tells()
    if not (database and broker and stream):
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return {"ready": database and broker and stream, "database": database, "broker": broker, "stream": stream}
