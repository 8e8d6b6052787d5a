"""The gateway's own loops, all of them, beside devices that fail, and beside one that has to be told in time."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.fems import store
from services.fems.domain.simulated.faults import FaultKind
from services.fems.gateway.gateway import Gateway, ReadingRules
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.db.engine import reading
from shared.events.fems import DeviceObserved, IntervalMetered, SetpointConfirmed, SetpointRefused
from shared.intervals import INTERVAL
from shared.runtime.clock_guard import GuardedClock, Notes
from simulation.bus import MemoryBus
from simulation.clock import ManualClock
from tests.integration.fems.field_town import GatewayBench, a_port_of_its_own, simulated
from tests.integration.fems.test_controls import controls_alone
from tests.integration.fems.test_faults import a_fault, ask_for
from tests.integration.fems.test_gateway import a_setpoint, expected
from tests.unit.fems.fields import NOW

MINUTE = timedelta(minutes=1)
LOOKS_MAX = 300
LOOK_EVERY_S = 0.1


async def until(running: asyncio.Task[None], happened: Callable[[], object]) -> None:
    """Wait for something that a running gateway does."""
    for _ in range(LOOKS_MAX):
        if happened():
            return
        assert not running.done(), running
        await asyncio.sleep(LOOK_EVERY_S)
    raise AssertionError("it did not happen")


def held_by(bench: GatewayBench, complex_: Complex) -> list[bool]:
    """Say of each set-point that is not answered yet whether it is held for its interval."""
    with reading(bench.engine) as db:
        return [one.held for one in store.pending_setpoints(db, complex_.complex_id)]


def test_one_sound_device_among_failing_ones_is_polled_and_metered_by_the_running_gateway(tmp_path: Path) -> None:
    complex_, bus = a_port_of_its_own(poll_interval_s=60), MemoryBus()
    # Simulated time goes on by hand; the loops wait for it as at sixty times the wall's speed.
    clock = ManualClock(NOW + 9 * MINUTE, speed=60.0)
    ask_for(
        tmp_path,
        complex_,
        a_fault("sunny.grid", FaultKind.OTHER_UNIT),
        a_fault("roof", FaultKind.NOISE),
        a_fault("ess", FaultKind.HALF_FRAME),
    )

    async def run() -> tuple[list[DeviceObserved], list[IntervalMetered]]:
        stop = threading.Event()
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as bench:
                rules = ReadingRules(estimate_after=timedelta(days=1), archive_dir=tmp_path / "archive")
                gateway = Gateway(Complexes(complex_), clock, bench.engine, rules)
                running = asyncio.create_task(gateway.run(stop))
                for _ in range(LOOKS_MAX):
                    await asyncio.sleep(LOOK_EVERY_S)
                    clock.advance(MINUTE / 6)
                    if running.done() or bench.published(IntervalMetered):
                        break
                assert not running.done(), running
                stop.set()
                await running
                return bench.published(DeviceObserved), bench.published(IntervalMetered)

    observed, metered = asyncio.run(run())

    assert {one.device_id for one in observed if one.reachable} == {"plain.grid"}
    assert {one.device_id for one in observed if not one.reachable} == {"sunny.grid", "roof", "ess"}
    # More than once: it waits for the others behind its address, but not for ever.
    assert len([one for one in observed if one.device_id == "plain.grid"]) > 1
    intervals = [(one.delivery_start, one.import_wh, one.export_wh) for one in metered if one.meter_id == "plain.grid"]
    assert intervals == expected(complex_, 1)["plain.grid"]
    assert {one.meter_id for one in metered} == {"plain.grid"}


def test_running_gateway_holds_a_set_point_and_writes_it_when_its_interval_begins(tmp_path: Path) -> None:
    complex_, bus, start = controls_alone(701), MemoryBus(), NOW + INTERVAL
    clock = ManualClock(start - 2 * MINUTE, speed=60.0)

    async def run() -> list[SetpointConfirmed]:
        stop = threading.Event()
        async with simulated(complex_, tmp_path, clock) as devices:
            with GatewayBench(complex_, tmp_path, clock, bus) as bench:
                gateway = Gateway(
                    Complexes(complex_), clock, bench.engine, ReadingRules(estimate_after=timedelta(days=1))
                )
                bench.give(a_setpoint(complex_, start, -50_000))
                running = asyncio.create_task(gateway.run(stop))

                await until(running, lambda: held_by(bench, complex_) == [True])
                clock.instant = start
                await until(running, lambda: bench.published(SetpointConfirmed))
                # Ten more seconds, in which power has climbed.
                clock.advance(MINUTE / 6)
                devices.plant.catch_up(clock.now())
                assert devices.plant.read("ess", clock.now()).export_w == 50_000
                stop.set()
                await running
                return bench.published(SetpointConfirmed)

    [confirmed] = asyncio.run(run())

    assert (confirmed.setpoint_w, confirmed.confirmed_at) == (-50_000, start)


def test_while_the_clock_is_an_hour_ahead_the_gateway_refuses_estimates_and_publishes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    complex_, bus, start = controls_alone(701), MemoryBus(), NOW + INTERVAL
    # The devices keep time; the gateway's machine does not.
    true = ManualClock(start - 2 * MINUTE, speed=60.0)
    wall = ManualClock(start - 2 * MINUTE, speed=60.0)
    began = true.now()

    def elapsed_s() -> float:
        return (true.now() - began).total_seconds()

    clock = GuardedClock(wall, Notes(None, "fems", ""), elapsed_s)

    async def run() -> tuple[list[SetpointRefused], list[SetpointConfirmed]]:
        stop = threading.Event()
        async with simulated(complex_, tmp_path, true):
            with GatewayBench(complex_, tmp_path, true, bus) as bench:
                rules = ReadingRules(estimate_after=timedelta(minutes=1))
                gateway = Gateway(Complexes(complex_), clock, bench.engine, rules)
                bench.give(a_setpoint(complex_, start, -50_000))
                running = asyncio.create_task(gateway.run(stop))

                await until(running, lambda: held_by(bench, complex_) == [True])
                known = len(bench.published(IntervalMetered))
                wall.advance(timedelta(hours=1))
                # Each of the three loops has met the clock, more than once.
                await until(running, lambda: caplog.text.count("waiting for the database or the clock") >= 10)
                assert held_by(bench, complex_) == [True]
                assert len(bench.published(IntervalMetered)) == known
                refused = bench.published(SetpointRefused)
                wall.instant = true.instant = start
                await until(running, lambda: bench.published(SetpointConfirmed))
                stop.set()
                await running
                return refused, bench.published(SetpointConfirmed)

    refused, [confirmed] = asyncio.run(run())

    assert refused == []
    assert (confirmed.setpoint_w, confirmed.confirmed_at) == (-50_000, start)
