"""Simulated devices and the gateway over a real connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.fems.domain.simulated.field import Field
from services.fems.simulator.load_sources import sources_of
from shared.complex.model import Complex
from shared.events.fems import DeviceObserved, IntervalMetered, Quality, SetpointConfirmed, SetpointRefused
from shared.events.scheduler import SetpointIssued
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_free_port, a_port_of_its_own, simulated
from tests.unit.fems.fields import NOW, NOW_NUMBER, a_complex, idle_meters

METERS = ("sunny.grid", "roof", "ess", "plain.grid")
SILENT_UNIT = 2


def a_setpoint(complex_: Complex, start: datetime, setpoint_w: int, *, issued_at: datetime = NOW) -> SetpointIssued:
    return SetpointIssued(
        complex_id=complex_.complex_id,
        setpoint_id=f"{start.isoformat()[11:16]}/{setpoint_w}".replace("/", "_"),
        device_id="ess",
        participant_id="sunny",
        delivery_start=start,
        expires_at=start + INTERVAL,
        issued_at=issued_at,
        setpoint_w=setpoint_w,
        charge_w_max=250_000,
        discharge_w_max=250_000,
    )


def by_meter(events: list[IntervalMetered]) -> dict[str, list[tuple[datetime, int, int]]]:
    return {
        meter_id: [(one.delivery_start, one.import_wh, one.export_wh) for one in events if one.meter_id == meter_id]
        for meter_id in METERS
    }


def expected(complex_: Complex, intervals: int) -> dict[str, list[tuple[datetime, int, int]]]:
    """Return what idle batteries' meters show from NOW on, straight from the physics."""
    energies = idle_meters(Field(complex_, sources_of(complex_)), NOW_NUMBER, intervals)
    return {
        meter_id: [
            (NOW + n * INTERVAL, int(energies[meter_id][0][n]), int(energies[meter_id][1][n])) for n in range(intervals)
        ]
        for meter_id in METERS
    }


def test_every_interval_of_every_meter_is_published_once_and_in_order(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()

    async def run() -> list[IntervalMetered]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                assert gateway.published(IntervalMetered) == []
                for _ in range(3):
                    clock.advance(INTERVAL)
                    await gateway.collector.collect()
                    await gateway.collector.collect()
                return gateway.published(IntervalMetered)

    found = asyncio.run(run())

    assert by_meter(found) == expected(complex_, 3)
    assert {one.quality for one in found} == {Quality.MEASURED}


def test_gateway_that_was_away_fetches_what_it_missed(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()

    async def run() -> list[IntervalMetered]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                clock.advance(INTERVAL / 2)
                await gateway.collector.collect()
            # 50 intervals away: more records than one message holds (20).
            clock.advance(50 * INTERVAL)
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                return gateway.published(IntervalMetered)

    assert by_meter(asyncio.run(run())) == expected(complex_, 50)


def test_devices_that_were_away_are_read_when_they_are_back(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()

    async def run() -> tuple[list[IntervalMetered], list[bool]]:
        with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
            await gateway.collector.collect()
            await gateway.live.poll()
        clock.advance(2 * INTERVAL)
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.live.poll()
                await gateway.collector.collect()
                return gateway.published(IntervalMetered), [one.reachable for one in gateway.published(DeviceObserved)]

    found, reachable = asyncio.run(run())

    assert by_meter(found) == expected(complex_, 2)
    assert sorted(reachable) == [False] * 4 + [True] * 4


@pytest.mark.parametrize("sunspec", [103, 701])
def test_live_state_is_what_the_devices_do_now(tmp_path: Path, sunspec: int) -> None:
    own = {"roof": {"sunspec": sunspec}, "ess": {"sunspec": sunspec}}
    complex_, clock, bus = a_port_of_its_own(devices=own), a_clock(), MemoryBus()

    async def run() -> list[DeviceObserved]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.live.poll()
                return gateway.published(DeviceObserved)

    found = {one.device_id: one for one in asyncio.run(run())}

    for meter_id, [(_, import_wh, export_wh)] in expected(complex_, 1).items():
        # Power registers have four and a half digits: 100 W steps at a megawatt.
        assert abs(found[meter_id].import_w - 4 * import_wh) <= 50
        assert abs(found[meter_id].export_w - 4 * export_wh) <= 50
    # 40 % of 1,000 kWh.
    assert (found["ess"].soc_wh, found["ess"].capacity_wh) == (400_000, 1_000_000)
    assert found["roof"].soc_wh is None


@pytest.mark.parametrize("sunspec", [103, 701])
def test_set_point_reaches_the_converter_and_moves_its_meters(tmp_path: Path, sunspec: int) -> None:
    complex_, clock, bus = a_port_of_its_own(devices={"ess": {"sunspec": sunspec}}), a_clock(), MemoryBus()

    async def run() -> GatewayBench:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, -200_000))
                await gateway.dispatcher.dispatch()
                clock.advance(3 * INTERVAL)
                await gateway.collector.collect()
                return gateway

    gateway = asyncio.run(run())

    [confirmed] = gateway.published(SetpointConfirmed)
    assert (confirmed.setpoint_w, confirmed.delivery_start) == (-200_000, NOW + INTERVAL)
    found, idle = by_meter(gateway.published(IntervalMetered)), expected(complex_, 3)
    # 200 kW for a quarter of an hour, in the one interval it was for. Climbing by 25 kW each tenth of a second lacks
    # (175 + 150 + ... + 25) x 0.1 = 70 kWs, 19.4 Wh, which falling adds.
    assert found["ess"] == [(NOW, 0, 0), (NOW + INTERVAL, 0, 49_980), (NOW + 2 * INTERVAL, 0, 20)]
    net = [
        one[1] - one[2] - (two[1] - two[2]) for one, two in zip(found["sunny.grid"], idle["sunny.grid"], strict=True)
    ]
    assert net == pytest.approx([0, -49_980, -20], abs=1)


def test_killed_devices_keep_their_set_points_and_go_on_where_they_were(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()

    async def run() -> list[IntervalMetered]:
        with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
            async with simulated(complex_, tmp_path, clock):
                await gateway.collector.collect()
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, 100_000))
                await gateway.dispatcher.dispatch()
            clock.advance(3 * INTERVAL)
            async with simulated(complex_, tmp_path, clock):
                await gateway.collector.collect()
                return gateway.published(IntervalMetered)

    found = by_meter(asyncio.run(run()))

    # Climbing to 100 kW lacks (75 + 50 + 25) x 0.1 = 15 kWs, 4.2 Wh, which falling adds.
    assert found["ess"] == [(NOW, 0, 0), (NOW + INTERVAL, 24_995, 0), (NOW + 2 * INTERVAL, 5, 0)]
    assert found["plain.grid"] == expected(complex_, 3)["plain.grid"]


def test_gateway_killed_after_writing_confirms_from_what_the_converter_holds(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    fresh = tmp_path / "before"
    fresh.mkdir()

    async def run() -> list[SetpointConfirmed]:
        async with simulated(complex_, tmp_path, clock):
            # The first gateway wrote, and its database never heard of it: a second database stands for that.
            with GatewayBench(complex_, fresh, clock, MemoryBus()) as killed:
                killed.give(a_setpoint(complex_, NOW + INTERVAL, 80_000))
                await killed.dispatcher.dispatch()
            clock.advance(INTERVAL + INTERVAL / 3)
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, 80_000))
                await gateway.dispatcher.dispatch()
                return gateway.published(SetpointConfirmed)

    [confirmed] = asyncio.run(run())

    assert confirmed.setpoint_w == 80_000


def test_set_point_whose_interval_has_begun_is_refused(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()

    async def run() -> list[SetpointRefused]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, 80_000))
                clock.advance(INTERVAL)
                await gateway.dispatcher.dispatch()
                return gateway.published(SetpointRefused)

    assert [one.reason for one in asyncio.run(run())] == ["expired"]


def test_set_point_for_devices_that_stay_away_is_unconfirmed_in_the_end(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()

    async def run() -> tuple[int, list[SetpointRefused]]:
        with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
            gateway.give(a_setpoint(complex_, NOW + INTERVAL, 80_000))
            await gateway.dispatcher.dispatch()
            waiting = len(gateway.published(SetpointRefused))
            clock.advance(INTERVAL)
            await gateway.dispatcher.dispatch()
            return waiting, gateway.published(SetpointRefused)

    waiting, refused = asyncio.run(run())

    assert waiting == 0
    assert [one.reason for one in refused] == ["unconfirmed"]


@asynccontextmanager
async def deaf_to_one_unit(port: int, target: int) -> AsyncIterator[None]:
    """Pass requests on to the devices, but those to the silent unit into nothing, as a broken cable would."""
    connections: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", target)
        connections.append(asyncio.create_task(pass_answers(onward_reader, writer)))
        connections.append(asyncio.create_task(pass_requests(reader, onward_writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*connections)


async def pass_requests(reader: asyncio.StreamReader, onward: asyncio.StreamWriter) -> None:
    try:
        while True:
            # A frame is 6 bytes of header, whose last two count what follows; the unit id comes first there.
            header = await reader.readexactly(6)
            body = await reader.readexactly(int.from_bytes(header[4:]))
            if body[0] != SILENT_UNIT:
                onward.write(header + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        onward.close()
        await onward.wait_closed()


async def pass_answers(reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    while content := await reader.read(1_024):
        back.write(content)
    back.close()
    await back.wait_closed()


def test_one_silent_device_stops_no_other(tmp_path: Path) -> None:
    behind, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    seen = a_complex(port=a_free_port())

    async def run() -> tuple[list[DeviceObserved], list[IntervalMetered]]:
        async with (
            simulated(behind, tmp_path, clock),
            deaf_to_one_unit(seen.field_network.port, behind.field_network.port),
        ):
            with GatewayBench(seen, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                clock.advance(INTERVAL + timedelta(minutes=1))
                await gateway.live.poll()
                await gateway.collector.collect()
                return gateway.published(DeviceObserved), gateway.published(IntervalMetered)

    observed, metered = asyncio.run(run())

    assert {one.device_id for one in observed if not one.reachable} == {"roof"}
    assert {one.device_id for one in observed if one.reachable} == {"sunny.grid", "ess", "plain.grid"}
    assert {one.meter_id for one in metered} == {"sunny.grid", "ess", "plain.grid"}
