"""Converters with SunSpec's own control models, 124 or 704, as another client commands them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from services.fems.domain.registers.sunspec import model
from shared.complex.model import Complex
from tests.integration.fems.field_town import a_clock, a_port_of_its_own, simulated

MINUTE = timedelta(minutes=1)
ESS_UNIT = 3


def controls_alone(sunspec: int, **more: object) -> Complex:
    """Return a complex whose battery has model 124 or 704, and no schedule."""
    return a_port_of_its_own(devices={"ess": {"sunspec": sunspec, "schedules": False, **more}})


class Client:
    """pysunspec2's own client, in a thread of its own beside the devices."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def ask(self, what: Callable[[SunSpecModbusClientDeviceTCP], Any]) -> Any:
        return await asyncio.to_thread(self._ask, what)

    def _ask(self, what: Callable[[SunSpecModbusClientDeviceTCP], Any]) -> Any:
        device = SunSpecModbusClientDeviceTCP(slave_id=ESS_UNIT, ipaddr="127.0.0.1", ipport=self._port, timeout=30)
        device.scan()
        try:
            return what(device)
        finally:
            device.close()

    async def write(self, model_id: int, **points: float) -> None:
        """Write points in their units."""

        def write(device: SunSpecModbusClientDeviceTCP) -> None:
            for name, number in points.items():
                device.models[model_id][0].points[name].cvalue = number
            device.models[model_id][0].write()

        await self.ask(write)

    async def read(self, model_id: int, *names: str) -> list[float]:
        """Return points in their units."""
        return list(await self.ask(lambda device: [device.models[model_id][0].points[name].cvalue for name in names]))


def test_storage_model_written_by_another_client_is_obeyed_until_its_timer_lapses(tmp_path: Path) -> None:
    complex_, clock = controls_alone(103), a_clock()

    async def run() -> list[list[float]]:
        client = Client(complex_.field_network.port)
        async with simulated(complex_, tmp_path, clock):
            seen = [await client.read(103, "W")]
            await client.write(124, InWRte=40, OutWRte=-40, StorCtl_Mod=3, InOutWRte_RvrtTms=300)
            for _ in range(3):
                clock.advance(2 * MINUTE)
                seen += [await client.read(103, "W"), await client.read(124, "StorCtl_Mod", "InWRte", "OutWRte")]
            await client.write(124, StorCtl_Mod=2, OutWRte=100)
            clock.advance(timedelta(seconds=2))
            return [*seen, await client.read(103, "W"), await client.read(124, "ChaSt")]

    idle, *charging, lapsed, undone, giving, state = asyncio.run(run())

    assert idle == [0]
    # 40 % of 250 kW flow in, which is negative there; the six minutes are over the timer's five.
    assert charging == [[-100_000], [3, 40, -40]] * 2
    assert (lapsed, undone) == ([0], [0, 100, 100])
    # The discharge bit alone: its rate is the command. 3 is DISCHARGING.
    assert (giving, state) == ([250_000], [3])


def test_power_model_written_by_another_client_is_obeyed_until_its_timer_lapses(tmp_path: Path) -> None:
    complex_, clock = controls_alone(701), a_clock()

    async def run() -> list[list[float]]:
        client = Client(complex_.field_network.port)
        names = ("WSetEna", "WSet", "WSetRvrtRem")
        async with simulated(complex_, tmp_path, clock):
            seen = [await client.read(704, *names)]
            await client.write(704, WSet=-80_000, WSetRvrt=0, WSetEnaRvrt=1, WSetRvrtTms=90, WSetEna=1)
            for _ in range(2):
                clock.advance(MINUTE)
                seen += [await client.read(701, "W"), await client.read(704, *names)]
            return seen

    untouched, charging, running, lapsed, undone = asyncio.run(run())

    assert untouched == [0, 0, 0]
    assert (charging, running) == ([-80_000], [1, -80_000, 30])
    assert (lapsed, undone) == ([0], [1, 0, 0])


def test_converter_ramps_as_its_models_say(tmp_path: Path) -> None:
    complex_, clock = controls_alone(103, ramp_per_s=0.1), a_clock()

    async def run() -> list[list[float]]:
        client = Client(complex_.field_network.port)
        async with simulated(complex_, tmp_path, clock):
            told = [await client.read(124, "WChaGra", "WDisChaGra")]
            await client.write(124, OutWRte=100, InWRte=-100, StorCtl_Mod=3, InOutWRte_RvrtTms=8)
            for seconds in (4, 3.9, 4.1, 4):
                clock.advance(timedelta(seconds=seconds))
                told.append(await client.read(103, "W"))
            return told

    said, *power = asyncio.run(run())

    # 10 % of 250 kW a second, in steps of 2.5 kW of which the first comes at once: up for 8 s, then down again.
    assert said == [10, 10]
    assert power == [[102_500], [200_000], [97_500], [0]]


def test_what_a_converter_can_not_do_or_does_not_have_is_not_taken(tmp_path: Path) -> None:
    complex_, clock = controls_alone(103), a_clock()

    async def run() -> list[int]:
        async with simulated(complex_, tmp_path, clock):
            client = AsyncModbusTcpClient("127.0.0.1", port=complex_.field_network.port)
            await client.connect()
            scan = Client(complex_.field_network.port)
            start = await scan.ask(lambda device: device.models[124][0].model_addr)
            points = model(124).points
            answers = [
                await client.write_registers(start + points[name].offset, [word], device_id=ESS_UNIT)
                for name, word in (("OutWRte", 10_001), ("StorCtl_Mod", 4), ("InWRte", 0x8000), ("WChaMax", 1))
            ]
            client.close()
            return [answer.exception_code for answer in answers]

    # 3: no such value. 2: no register that may be written.
    assert asyncio.run(run()) == [3, 3, 3, 2]
