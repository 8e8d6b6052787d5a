"""An hour without a broker, in simulated time: the gateway goes on, and every reading arrives once."""

import asyncio
from pathlib import Path

import pytest

from shared.bus.port import BusUnavailable
from shared.events.fems import DeviceObserved, IntervalMetered
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_port_of_its_own, simulated
from tests.integration.fems.test_gateway import by_meter, expected

POLLS = 15


def test_every_reading_arrives_once_after_an_hour_without_a_broker(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(devices={"plain.grid": {"remembers": False}}), a_clock(), MemoryBus()

    async def quarter_hour(gateway: GatewayBench) -> None:
        for _ in range(POLLS):
            clock.advance(INTERVAL / POLLS)
            await gateway.live.poll()
        await gateway.collector.collect()

    async def run() -> tuple[list[IntervalMetered], list[IntervalMetered], list[DeviceObserved]]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                await gateway.live.poll()
                await quarter_hour(gateway)
                before = gateway.published(IntervalMetered)
                bus.available = False
                for _ in range(4):
                    await quarter_hour(gateway)
                    with pytest.raises(BusUnavailable):
                        gateway.published(IntervalMetered)
            # Killed while it waited; its successor finds what was not sent, and sees the same instant once more.
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.live.poll()
                bus.available = True
                await quarter_hour(gateway)
                return before, gateway.published(IntervalMetered), gateway.published(DeviceObserved)

    before, found, observed = asyncio.run(run())

    assert by_meter(before) == expected(complex_, 1)
    # Once and in order for each meter, those with a memory and the one that is counted.
    assert by_meter(found) == expected(complex_, 6)
    # Four devices, six quarter hours of 15 polls, and the first poll of all.
    assert len(observed) == 4 * (6 * POLLS + 1)
