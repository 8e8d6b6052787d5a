"""How punctual the gateway is, and what it costs: python -m benchmarks.fems [MINUTES | --memory].

Readings flat out: from a broker into a service's database. Then simulated devices in a process of their own, and the
gateway's own process: 200 devices on a port each, every second; 1,000 devices behind ten addresses, every five seconds.
A device is late by the time from when it was due until it is asked. The first minute of each is not counted.

With --memory only what the gateway holds after two and after ten minutes of 200 devices, every second.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
import yaml

from cli.brokers import Broker
from cli.processes import Child, free_port
from services.forecast import handlers, store
from shared.bus.kafka.bus import KafkaBus
from shared.clock import WallClock
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, load_complex
from shared.db.engine import open_engine
from shared.db.migrating import upgrade
from shared.events.base import Envelope, named_id
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.events.wire import encode
from shared.intervals import INTERVAL, interval_of
from shared.paths import DEMO_COMPLEX
from shared.runtime.runloop import RunLoop
from tests.broker import open_broker

MINUTES = 1
LATE_MS_MAX, GROWTH_MAX = 100.0, 0.1
MEMORY_AT_MINUTES = (2, 10)
READINGS = 50_000
GIVE_UP_S = 600.0
POLLED = "devices polled"


@dataclass(frozen=True)
class Case:
    """So many meters behind so many addresses, asked every so many seconds, on at most so much of a core."""

    devices: int
    addresses: int
    every_s: int
    cores_max: float = 1.0


CASES = (Case(200, 200, 1, cores_max=1 / 3), Case(1_000, 10, 5))


def write_complex(path: Path, case: Case) -> Complex:
    """Write a complex of factories that have a grid meter and nothing else."""
    content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    plain = {key: part for key, part in content["participants"][1].items() if key not in ("pv", "ess")}
    content["participants"] = [{**plain, "participant_id": f"factory-{n}"} for n in range(case.devices)]
    for feeder in content["feeders"]:
        feeder.pop("meter")
    ports = sorted(_free_ports(case.addresses))
    behind = case.devices // case.addresses
    content["field_network"] = {
        "port": ports[0],
        "poll_interval_s": case.every_s,
        "devices": {
            f"factory-{n}.grid": {"port": ports[n // behind], "unit_id": n % behind + 1} for n in range(case.devices)
        },
    }
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_complex(path)


@contextmanager
def running(folder: Path, broker: Broker) -> Iterator[tuple[Child, Child]]:
    """Start the devices and the gateway."""
    base_url = f"sqlite:///{folder / 'data'}"
    upgrade(base_url, "fems")
    settings = {
        "SANDAN_COMPLEXES": json.dumps([str(folder / "complex.yaml")]),
        "SANDAN_DATABASE_URL": base_url,
        "SANDAN_RUN_DIR": str(folder / "run"),
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
    }
    simulator = Child("devices", [sys.executable, "-m", "services.fems.simulator"], settings, folder / "devices.log")
    gateway = Child("fems", [sys.executable, "-m", "services.fems"], settings, folder / "fems.log")
    simulator.start()
    try:
        _wait_for_line(simulator, "devices answer", 1)
        gateway.start()
        yield simulator, gateway
    finally:
        gateway.stop()
        simulator.stop()


def measure(case: Case, broker: Broker, folder: Path, minutes: int) -> bool:
    """Print what a case comes to; False where it misses what is asked of it."""
    write_complex(folder / "complex.yaml", case)
    with running(folder, broker) as (simulator, gateway):
        assert gateway.pid is not None
        assert simulator.pid is not None
        # The first minute has the start in it: maps are walked, the group forms.
        _wait_for_line(gateway, POLLED, 1)
        processes = [psutil.Process(gateway.pid), psutil.Process(simulator.pid)]
        spent_s, held = [_cpu_s(one) for one in processes], processes[0].memory_info().rss
        began_s = time.perf_counter()
        lines = _wait_for_line(gateway, POLLED, 1 + minutes)[1:]
        took_s = time.perf_counter() - began_s
        cores = [(_cpu_s(one) - before) / took_s for one, before in zip(processes, spent_s, strict=True)]
        growth = processes[0].memory_info().rss / held - 1
    polls, late_ms = sum(line["polls"] for line in lines), max(line["late_ms_p99"] for line in lines)
    due = took_s * case.devices / case.every_s
    kept = late_ms < LATE_MS_MAX and cores[0] < case.cores_max and growth < GROWTH_MAX
    name = f"fems      {case.devices} devices, {case.addresses} addresses, every {case.every_s} s:"
    print(f"{name} {polls} polls in {took_s:.0f} s ({polls / due:.0%} of those due)")
    print(f"{name} late p50 {max(line['late_ms_p50'] for line in lines):.1f} ms, p99 {late_ms:.1f} ms")
    print(f"{name} gateway {cores[0]:.2f} of a core, devices {cores[1]:.2f}")
    memory = f"{held / 1e6:.0f} MB, {growth:+.1%} in {minutes} min"
    print(f"{name} gateway's memory {memory}   {'ok' if kept else 'MISSED'}")
    return kept


def measure_memory(case: Case, broker: Broker, folder: Path) -> bool:
    """Print what the gateway holds early and late; False where it grows by more than is asked of it."""
    write_complex(folder / "complex.yaml", case)
    with running(folder, broker) as (_, gateway):
        assert gateway.pid is not None
        process, held = psutil.Process(gateway.pid), []
        for minutes in MEMORY_AT_MINUTES:
            _wait_for_line(gateway, POLLED, minutes)
            held.append(process.memory_info().rss)
            print(f"fems      {case.devices} devices: {held[-1] / 1e6:.1f} MB after {minutes} min", flush=True)
    growth = held[-1] / held[0] - 1
    print(f"fems      {case.devices} devices: {growth:+.1%} in between   {'ok' if growth < GROWTH_MAX else 'MISSED'}")
    return growth < GROWTH_MAX


def readings_per_s(broker: Broker, folder: Path) -> float:
    """Return how many readings a second come through the broker into a service's database."""
    complex_ = write_complex(folder / "complex.yaml", Case(100, 1, 60))
    bus = KafkaBus(broker.bootstrap_servers)
    first = interval_of(datetime.now(UTC)) - READINGS * INTERVAL / 100
    publisher = bus.publisher("fems")
    publisher.publish(
        encode(
            Envelope(
                event_id=named_id("benchmark", n), occurred_at=first, source="fems", event=_reading(complex_, n, first)
            ),
            topic="fems.readings.v1",
            key=f"{complex_.complex_id}/{n % 100}",
        )
        for n in range(READINGS)
    )
    publisher.close()
    engine = open_engine(sa.make_url(f"sqlite:///{folder / 'forecast.db'}"))
    store.METADATA.create_all(engine)
    service = handlers.service(Complexes(complex_))
    loop = RunLoop(replace(service, tick=None), bus, engine, WallClock())
    taken, began_s = loop.step(1.0), time.perf_counter()
    while taken < READINGS and time.perf_counter() - began_s < GIVE_UP_S:
        if taken == 0:
            began_s = time.perf_counter()
        taken += loop.step(0.2)
    took_s = time.perf_counter() - began_s
    loop.close()
    engine.dispose()
    return taken / took_s


def _free_ports(count: int) -> set[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return found


def _reading(complex_: Complex, number: int, first: datetime) -> IntervalMetered:
    device = complex_.devices[number % 100]
    return IntervalMetered(
        complex_id=complex_.complex_id,
        meter_id=device.device_id,
        participant_id=device.participant_id,
        meter_kind=MeterKind.GRID,
        delivery_start=first + number // 100 * INTERVAL,
        import_wh=number,
        export_wh=0,
        quality=Quality.MEASURED,
    )


def _wait_for_line(child: Child, message: str, count: int) -> list[dict[str, Any]]:
    """Return a process's log lines with a message, once there are so many."""
    give_up_at_s = time.perf_counter() + GIVE_UP_S + 60 * count
    while True:
        lines = child.log_file.read_text().splitlines() if child.log_file.exists() else []
        found = [json.loads(line) for line in lines if line.startswith("{") and f'"{message}"' in line]
        if len(found) >= count:
            return found
        assert child.exit_code is None, lines[-5:]
        assert time.perf_counter() < give_up_at_s, lines[-5:]
        time.sleep(0.2)


def _cpu_s(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def main() -> int:
    """Print the figures, and return 1 where one misses what is asked of it."""
    only_memory = sys.argv[1:] == ["--memory"]
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 and not only_memory else MINUTES
    kept = []
    with tempfile.TemporaryDirectory(prefix="sandan-fems-") as name:
        folder = Path(name)
        broker = open_broker(folder, lambda message: print(f"fems      {message}"))
        try:
            if only_memory:
                return 0 if measure_memory(CASES[0], broker, folder) else 1
            # First, while its topic has nothing else in it.
            rate = readings_per_s(broker, folder)
            print(f"fems      {READINGS} readings from {broker.kind} into a database: {rate:.0f} a second")
            for number, case in enumerate(CASES):
                own = folder / str(number)
                own.mkdir()
                kept.append(measure(case, broker, own, minutes))
        finally:
            broker.stop()
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
