"""What every endpoint works with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from sqlalchemy.engine import Connection, Engine
from starlette.requests import Request

from services.trading_api.api.feed import Feed
from services.trading_api.api.tokens import Tokens
from services.trading_api.domain.access import Principal
from services.trading_api.handlers.commands import Deeds
from services.trading_api.handlers.entry import Desk
from shared.bus.acknowledged import Acknowledged
from shared.clock import Clock
from shared.complex.model import Complex, Complexes
from shared.db import order_writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The API's own limits."""

    writes_per_s: int = 50
    reads_per_s: int = 200
    streams_per_key: int = 20
    streams_per_participant: int = 60
    refusals_per_min: int = 600
    sign_ins_per_min: int = 30
    body_bytes_max: int = 65_536
    open_orders_max: int = 1_000
    session_hours: int = 12
    docs: bool = False
    secure_cookie: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The deployment as the API sees it."""

    complexes: Complexes
    clock: Clock
    engine: Engine
    feed: Feed
    acknowledged: Acknowledged
    rules: Rules = field(default_factory=Rules)
    tokens: Tokens | None = None
    heartbeat_file: Path | None = None

    def complex_of(self, principal: Principal) -> Complex:
        """Return the caller's complex."""
        return self.complexes[principal.complex_id]

    def desk_of(self, principal: Principal) -> Desk:
        """Return where the caller's orders are taken in."""
        return Desk(self.complex_of(principal), self.clock, self.rules.open_orders_max)

    def market_deeds(self, db: Connection, principal: Principal) -> Deeds:
        """Return what changes the rules for orders: stamped under the orders' lock, so that stamps follow the topic."""
        turn = order_writer.next_turn(db, principal.complex_id, self.clock.now)
        return Deeds(db, principal, turn.stamp)


def parts_of(request: Request) -> Parts:
    """Return the parts of the app that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


def caller_of(request: Request) -> Principal:
    """Return who calls; the route has let it in."""
    principal: Principal = request.state.principal
    return principal


PartsHere = Annotated[Parts, Depends(parts_of)]
Caller = Annotated[Principal, Depends(caller_of)]
