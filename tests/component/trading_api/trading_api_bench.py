"""The trading API on the component bench: its HTTP calls, its read model, and keys for every role."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from services.trading_api.access.authentication import Authenticator
from services.trading_api.access.bootstrap import load_keys
from services.trading_api.access.schemas import BootstrapKey
from services.trading_api.access.tokens import Tokens
from services.trading_api.app import create_app
from services.trading_api.handlers import service
from services.trading_api.http.state import ApiOptions, AppState
from services.trading_api.live.feed import Feed
from services.trading_api.roles import Role
from services.trading_api.store import METADATA
from shared.clock import Clock, SharedClock
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.db.writer import Writer
from shared.paths import DEMO_COMPLEX
from shared.scenes import SceneFolder
from tests.component.harness import Bench

# Noon in Korea; delivery at 12:30 (03:30 UTC) is open until 12:15.
NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
HALF_PAST = "2026-05-20T03:30:00Z"
COMPLEX = "changwon-demo"
HANBIT, SEOJIN = "hanbit-machining", "seojin-plating"
SECRETS = {name: f"{name}-{'0' * 32}" for name in ("hanbit", "seojin", "operator", "planner")}


class ApiBench(Bench):
    """A bench whose service has HTTP calls as well."""

    def __init__(self, place: Path | str, options: ApiOptions | None = None, tokens: Tokens | None = None) -> None:
        demo = load_complex(DEMO_COMPLEX)
        market = demo.market.model_copy(update={"gate_closure_lead_minutes": 15})
        complexes = Complexes(demo.model_copy(update={"market": market}))
        super().__init__(service(complexes), METADATA, place, NOON)
        self._feeds: list[Feed] = []
        self.complexes = complexes
        self._options = options or ApiOptions()
        self._tokens = tokens
        load_keys(self.engine, [_key(name) for name in SECRETS], now=NOON)

    def run(self, until: datetime | None = None) -> None:
        """Let the run loop write, and the feeds hear of it."""
        super().run(until)
        self._committed()

    def _committed(self) -> None:
        for feed in self._feeds:
            feed.nudge()

    def app(
        self,
        *additions: Callable[[FastAPI], None],
        clock: Clock | None = None,
        simulated_clock: SharedClock | None = None,
        scenes: SceneFolder | None = None,
    ) -> FastAPI:
        """Return one more application on this bench; each has an event loop, and so a feed, of its own."""
        feed = Feed(self.engine, self.complexes, clock or self.clock)
        self._feeds.append(feed)
        writer = Writer(self.engine)
        writer.after_commit(self._committed)
        state = AppState(
            complexes=self.complexes,
            clock=clock or self.clock,
            engine=self.engine,
            begin=writer.begin,
            stream_tells=feed.tells,
            acknowledged=self.bus.acknowledged,
            authenticate=Authenticator(self.engine, self.complexes, clock or self.clock, self._tokens),
            options=self._options,
            simulated_clock=simulated_clock,
            scenes=scenes,
            metrics=self.metrics,
        )
        return create_app(state, feed, *additions)

    @contextmanager
    def client(self, who: str | None) -> Iterator[TestClient]:
        """Open a client with the key of someone, or with none."""
        headers = {} if who is None else {"Authorization": f"Bearer {SECRETS[who]}"}
        with TestClient(self.app(), headers=headers, raise_server_exceptions=False) as client:
            yield client


def _key(name: str) -> BootstrapKey:
    role = Role(name) if name in set(Role) else Role.FACTORY
    participant = {"hanbit": HANBIT, "seojin": SEOJIN}.get(name)
    return BootstrapKey(key=SECRETS[name], role=role, complex_id=COMPLEX, participant_id=participant, name=name)


def an_order(**changes: Any) -> dict[str, Any]:
    """Return the body of an order for half past twelve."""
    return {
        "client_order_id": "morning-1",
        "delivery_start": HALF_PAST,
        "side": "buy",
        "price_krw_per_kwh": "130.25",
        "quantity_kwh": "12.345",
        **changes,
    }
