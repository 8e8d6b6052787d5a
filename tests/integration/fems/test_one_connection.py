"""Devices that take one connection: everything that asks shares it, and it comes back after whatever befell it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from services.fems.gateway.gateway import Gateway, ReadingRules
from shared.complex.complexes import Complexes
from shared.events.fems import DeviceObserved, IntervalMetered, SetpointConfirmed
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from simulation.clock import ManualClock
from tests.integration.fems.field_town import GatewayBench, a_clock, a_free_port, a_port_of_its_own, simulated
from tests.integration.fems.picky_device import PickyDevice, Second, in_front_of, registers
from tests.integration.fems.test_gateway import a_setpoint, by_meter, expected
from tests.unit.fems.fields import NOW, a_complex

ALL = {"sunny.grid", "roof", "ess", "plain.grid"}
MINUTE = timedelta(minutes=1)
LOOKS_MAX, LOOK_EVERY_S = 300, 0.05


@pytest.mark.parametrize("second", list(Second))
def test_polls_records_and_commands_share_the_one_connection_that_a_device_takes(
    tmp_path: Path, second: Second
) -> None:
    behind, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    seen = a_complex(port=a_free_port())

    async def run() -> tuple[GatewayBench, PickyDevice]:
        async with (
            simulated(behind, tmp_path, clock),
            in_front_of(seen.field_network.port, behind.field_network.port, second) as device,
        ):
            with GatewayBench(seen, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                clock.advance(INTERVAL)
                gateway.give(a_setpoint(seen, NOW + 2 * INTERVAL, -50_000))
                await asyncio.gather(gateway.live.poll(), gateway.collector.collect(), gateway.dispatcher.dispatch())
                return gateway, device

    gateway, device = asyncio.run(run())

    assert {one.device_id for one in gateway.published(DeviceObserved) if one.reachable} == ALL
    assert by_meter(gateway.published(IntervalMetered)) == expected(seen, 1)
    assert [one.setpoint_w for one in gateway.published(SetpointConfirmed)] == [-50_000]
    assert (device.connections, device.most_at_once) == (1, 1)


@pytest.mark.parametrize("second", [Second.REFUSED, Second.UNHEARD])
def test_devices_with_one_connection_each_are_all_read_again_after_an_outage(tmp_path: Path, second: Second) -> None:
    there = a_port_of_its_own(poll_interval_s=60)
    placed = {device.device_id: {"port": a_free_port(), "unit_id": device.unit_id} for device in there.devices}
    seen, bus = a_complex(port=a_free_port(), devices=placed, poll_interval_s=60), MemoryBus()
    clock = ManualClock(NOW + INTERVAL - 2 * MINUTE, speed=60.0)
    story: list[set[str]] = []

    async def run() -> list[IntervalMetered]:
        stop = threading.Event()
        async with simulated(there, tmp_path, clock), AsyncExitStack() as field:
            devices = [
                await field.enter_async_context(in_front_of(address.port, there.field_network.port, second))
                for address in seen.devices_by_address
            ]
            bench = field.enter_context(GatewayBench(seen, tmp_path, clock, bus))
            rules = ReadingRules(estimate_after=timedelta(days=1))
            running = asyncio.create_task(Gateway(Complexes(seen), clock, bench.engine, rules).run(stop))

            async def settled(who: Callable[[], set[str]], hoped: set[str]) -> None:
                for _ in range(LOOKS_MAX):
                    if running.done() or who() == hoped:
                        break
                    await asyncio.sleep(LOOK_EVERY_S)
                    clock.advance(timedelta(seconds=3))
                story.append(who())

            def reachable() -> set[str]:
                newest = {one.device_id: one.reachable for one in bench.published(DeviceObserved)}
                return {device_id for device_id, answers in newest.items() if answers}

            await settled(reachable, ALL)
            for one in devices:
                await one.stop()
            await settled(reachable, set())
            for one in devices:
                await one.start()
            await settled(reachable, ALL)
            await settled(lambda: {one.meter_id for one in bench.published(IntervalMetered)}, ALL)
            stop.set()
            await running
            return bench.published(IntervalMetered)

    found = asyncio.run(run())

    assert story == [ALL, set(), ALL, ALL]
    assert by_meter(found)["plain.grid"][0] == expected(there, 1)["plain.grid"][0]


def test_meter_whose_map_leads_beyond_the_last_register_stops_no_other(tmp_path: Path) -> None:
    behind, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    port = a_free_port()
    believed = a_complex(behind.field_network.port, devices={"plain.grid": {"port": port, "unit_id": 1}})
    # The common model claims to be so long (65,530 - 40,004) that of the meter's model no more than the header fits.
    beyond = {40_000: 0x5375, 40_001: 0x6E53, 40_002: 1, 40_003: 25_526, 65_530: 203, 65_531: 1, 65_533: 0xFFFF}
    odd = registers({1: {address: beyond.get(address, 0) for address in range(40_000, 65_536)}})

    async def run() -> list[DeviceObserved]:
        async with simulated(behind, tmp_path, clock), PickyDevice(port, odd):
            with GatewayBench(believed, tmp_path, clock, bus) as gateway:
                await gateway.live.poll()
                return gateway.published(DeviceObserved)

    found = asyncio.run(run())

    assert {one.device_id for one in found if one.reachable} == ALL - {"plain.grid"}
    assert {one.device_id for one in found if not one.reachable} == {"plain.grid"}
