"""Each fault that a device can have, on a simulated one: what the gateway makes of it, and no other device suffers."""

import asyncio
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from services.fems.domain.metering.counting import Flag
from services.fems.domain.registers.sunspec import BASE, MARKER
from services.fems.domain.simulated.faults import FaultKind
from services.fems.domain.simulated.field import Field
from services.fems.simulator.faults import FILE_NAME, RequestedFault, RequestedFaults
from services.fems.simulator.load_sources import sources_of
from services.fems.simulator.request_file import write_requested
from shared.complex.model import Complex
from shared.events.fems import DeviceObserved, IntervalMetered, Quality, SetpointConfirmed, SetpointRefused
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_free_port, a_port_of_its_own, simulated
from tests.integration.fems.test_gateway import a_setpoint, expected
from tests.unit.fems.fields import NOW, NOW_NUMBER, a_complex, idle_meters

OTHERS = {"sunny.grid", "ess", "plain.grid"}
MINUTE = timedelta(minutes=1)
# A meter without a load-profile memory, polled once a minute.
COUNTERS_ALONE = {"devices": {"plain.grid": {"remembers": False}}, "poll_interval_s": 60}


def a_fault(
    device_id: str,
    kind: FaultKind,
    since: datetime = NOW,
    until: datetime | None = None,
    *,
    amount: int | None = None,
) -> RequestedFault:
    return RequestedFault(device_id=device_id, kind=kind, since=since, until=until, amount=amount)


def ask_for(folder: Path, complex_: Complex, *faults: RequestedFault) -> None:
    write_requested(folder / "field" / complex_.complex_id / FILE_NAME, RequestedFaults(faults=faults))


def observed_under(folder: Path, *faults: RequestedFault, polls: int = 1) -> list[DeviceObserved]:
    """Return what the gateway publishes in so many polls, a minute apart."""
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    ask_for(folder, complex_, *faults)

    async def run() -> list[DeviceObserved]:
        async with simulated(complex_, folder, clock):
            with GatewayBench(complex_, folder, clock, bus) as gateway:
                for _ in range(polls):
                    await gateway.live.poll()
                    clock.advance(MINUTE)
                return gateway.published(DeviceObserved)

    return asyncio.run(run())


def last_flags(events: list[DeviceObserved]) -> dict[str, set[str]]:
    return {event.device_id: set(event.flags) for event in events}


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (FaultKind.SILENT, "no_answer"),
        (FaultKind.SLOW, "no_answer"),
        (FaultKind.LOST_CONNECTION, "no_answer"),
        (FaultKind.HALF_FRAME, "no_answer"),
        (FaultKind.OTHER_UNIT, "no_answer"),
        (FaultKind.NOISE, "not_readable"),
        (FaultKind.NO_SCALE, "not_readable"),
    ],
)
@pytest.mark.parametrize("sunspec", [103, pytest.param(701, marks=pytest.mark.matrix)])
def test_device_without_a_sensible_answer_is_unreachable_and_counted_and_stops_no_other(
    tmp_path: Path, kind: FaultKind, counted: str, sunspec: int
) -> None:
    complex_, clock, bus = a_port_of_its_own(devices={"roof": {"sunspec": sunspec}}), a_clock(), MemoryBus()
    ask_for(tmp_path, complex_, a_fault("roof", kind))

    async def run() -> tuple[list[DeviceObserved], object]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                for _ in range(2):
                    await gateway.live.poll()
                    clock.advance(MINUTE)
                failures = gateway.live.health()["failures"]
                return gateway.published(DeviceObserved), failures

    found, failures = asyncio.run(run())

    assert [one.device_id for one in found if not one.reachable] == ["roof", "roof"]
    assert sorted(one.device_id for one in found if one.reachable) == sorted([*OTHERS, *OTHERS])
    # Asked once, or twice where the second poll comes after the gateway's patience with it, half a second, is over.
    assert failures in ({"roof": {counted: 1}}, {"roof": {counted: 2}})


@pytest.mark.parametrize(("device_id", "flags"), [("roof", set()), ("plain.grid", {"no_power"})])
def test_device_that_does_not_tell_its_power_for_now_is_counted_on(
    tmp_path: Path, device_id: str, flags: set[str]
) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    ask_for(tmp_path, complex_, a_fault(device_id, FaultKind.NO_NUMBER))

    async def run() -> dict[str, DeviceObserved]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.live.poll()
                return {one.device_id: one for one in gateway.published(DeviceObserved)}

    found = asyncio.run(run())[device_id]

    assert (found.reachable, found.import_w, found.export_w) == (True, 0, 0)
    assert set(found.flags) == flags


@pytest.mark.parametrize("kind", [FaultKind.SILENT, FaultKind.NOISE, FaultKind.METER_SWAP])
def test_device_is_as_before_when_its_fault_is_over(tmp_path: Path, kind: FaultKind) -> None:
    complex_, clock = a_port_of_its_own(), a_clock()
    ask_for(tmp_path, complex_, a_fault("roof", kind, until=NOW + MINUTE))

    async def run() -> list[DeviceObserved]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, MemoryBus()) as gateway:
                await gateway.live.poll()
            clock.advance(MINUTE)
            bus = MemoryBus()
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.live.poll()
                return [one for one in gateway.published(DeviceObserved) if one.observed_at > NOW]

    found = {one.device_id: one for one in asyncio.run(run())}

    assert found["roof"].reachable
    assert abs(found["roof"].export_w - 4 * expected(complex_, 1)["roof"][0][2]) <= 50


def test_power_in_the_wrong_scale_is_flagged_by_the_counters(tmp_path: Path) -> None:
    found = last_flags(observed_under(tmp_path, a_fault("plain.grid", FaultKind.WRONG_SCALE), polls=8))

    # Ten times the factory's load is also more than twice its contract.
    assert found == {"sunny.grid": set(), "roof": set(), "ess": set(), "plain.grid": {Flag.SCALE, Flag.SPIKE}}


def test_registers_that_never_change_are_flagged_as_stuck(tmp_path: Path) -> None:
    found = last_flags(observed_under(tmp_path, a_fault("plain.grid", FaultKind.STUCK, NOW + MINUTE), polls=8))

    assert found == {"sunny.grid": set(), "roof": set(), "ess": set(), "plain.grid": {Flag.STUCK}}


@pytest.mark.parametrize(
    ("kind", "flag"),
    [
        (FaultKind.COUNTER_RESET, Flag.COUNTER_RESET),
        (FaultKind.METER_SWAP, Flag.METER_SWAP),
    ],
)
def test_counters_that_began_anew_are_flagged_when_it_happens(tmp_path: Path, kind: FaultKind, flag: Flag) -> None:
    found = observed_under(tmp_path, a_fault("plain.grid", kind, NOW + 2 * MINUTE), polls=4)

    odd = [(one.observed_at, set(one.flags)) for one in found if one.flags]
    assert odd == [(NOW + 2 * MINUTE, {flag})]


@pytest.mark.parametrize(
    "own", [{"sunspec": 103}, {"sunspec": 701}, {"register_map": "huawei_sun2000"}], ids=["32 bits", "64 bits", "map"]
)
def test_counters_that_wrap_are_measured_on_whatever_their_width(tmp_path: Path, own: dict[str, object]) -> None:
    devices = {"roof": {"remembers": False, **own}}
    complex_, clock, bus = a_port_of_its_own(devices=devices, poll_interval_s=60), a_clock(), MemoryBus()
    truth = idle_meters(Field(complex_, sources_of(complex_)), NOW_NUMBER, 2)["roof"][1].tolist()
    # They reach their end in the middle of the second quarter of an hour.
    ask_for(tmp_path, complex_, a_fault("roof", FaultKind.COUNTER_WRAP, amount=truth[0] + truth[1] // 2))

    async def run() -> list[IntervalMetered]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                for _ in range(32):
                    await gateway.live.poll()
                    clock.advance(MINUTE)
                return [one for one in gateway.published(IntervalMetered) if one.meter_id == "roof"]

    found = asyncio.run(run())

    assert [(one.quality, one.flags) for one in found] == [
        (Quality.MEASURED, ()),
        (Quality.MEASURED, ("counter_wrap",)),
    ]
    # The map's counter has steps of 10 Wh.
    assert [one.export_wh for one in found] == pytest.approx(truth, abs=10 if "register_map" in own else 2)


def test_meter_whose_clock_is_ahead_measures_but_says_so(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    ask_for(tmp_path, complex_, a_fault("plain.grid", FaultKind.CLOCK_DRIFT))

    async def run() -> list[IntervalMetered]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                clock.advance(INTERVAL)
                await gateway.collector.collect()
                return gateway.published(IntervalMetered)

    found = {one.meter_id: one for one in asyncio.run(run())}

    assert found["plain.grid"].flags == ("clock_drift",)
    assert {meter_id: one.flags for meter_id, one in found.items() if one.flags} == {"plain.grid": ("clock_drift",)}
    # Two minutes ahead: 2/15 of the interval before instead of its own last two minutes.
    energies = idle_meters(Field(complex_, sources_of(complex_)), NOW_NUMBER - 1, 2)["plain.grid"][0].tolist()
    moved = [energy_wh * 120 // 900 for energy_wh in energies]
    assert found["plain.grid"].import_wh == energies[1] - moved[1] + moved[0]


def test_rejected_command_is_refused_with_the_converters_own_answer(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    ask_for(tmp_path, complex_, a_fault("ess", FaultKind.REJECTED_WRITE))

    async def run() -> tuple[list[SetpointRefused], list[SetpointConfirmed]]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, 80_000))
                await gateway.dispatcher.dispatch()
                clock.advance(INTERVAL)
                await gateway.dispatcher.dispatch()
                return gateway.published(SetpointRefused), gateway.published(SetpointConfirmed)

    refused, confirmed = asyncio.run(run())

    assert confirmed == []
    assert [one.reason for one in refused] == ["unconfirmed"]
    assert "answered with exception 4 (device failure)" in refused[0].detail


def test_day_of_a_meter_with_counters_alone_is_exact_through_wrap_reset_silence_and_swap(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(**COUNTERS_ALONE), a_clock(), MemoryBus()
    [meter] = [device for device in complex_.devices if device.device_id == "plain.grid"]
    truth = idle_meters(Field(complex_, sources_of(complex_)), NOW_NUMBER, 96)["plain.grid"][0].tolist()
    at = {hour: NOW + timedelta(hours=hour, minutes=7, seconds=20) for hour in (9, 15, 20)}
    ask_for(
        tmp_path,
        complex_,
        # From the start so far below its end that it wraps in the middle of quarter hour 12.
        a_fault("plain.grid", FaultKind.COUNTER_WRAP, until=at[9], amount=sum(truth[:12]) + truth[12] // 2),
        a_fault("plain.grid", FaultKind.COUNTER_RESET, at[9], at[20]),
        a_fault("plain.grid", FaultKind.SILENT, at[15], at[15] + 40 * MINUTE),
        a_fault("plain.grid", FaultKind.METER_SWAP, at[20]),
    )

    async def poll_until(end: datetime) -> None:
        with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
            while clock.now() < end:
                await gateway.live.observe(meter)
                clock.advance(MINUTE)
            await gateway.live.flush()
            gateway.published(IntervalMetered)

    async def run() -> list[IntervalMetered]:
        async with simulated(complex_, tmp_path, clock):
            # The gateway dies in the silence, and its successor goes on from what the database knows.
            await poll_until(at[15] + MINUTE)
            clock.instant = at[15] + 41 * MINUTE
            await poll_until(NOW + timedelta(days=1) + MINUTE)
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                return gateway.published(IntervalMetered)

    found = asyncio.run(run())

    assert [one.delivery_start for one in found] == [NOW + n * INTERVAL for n in range(96)]
    assert sum(one.import_wh for one in found) == pytest.approx(sum(truth), rel=1e-3)
    flagged = {(one.delivery_start - NOW) // INTERVAL: (one.quality, set(one.flags)) for one in found if one.flags}
    # Quarter hours 12, 36 and 80 have the wrap, the reset and the swap; the silence lies in 60 to 63.
    assert flagged[12] == (Quality.MEASURED, {"counter_wrap"})
    assert flagged[36] == (Quality.ESTIMATED, {"counter_reset"})
    assert flagged[80] == (Quality.ESTIMATED, {"meter_swap"})
    assert {number: flagged[number] for number in flagged if number not in (12, 36, 80)} == {
        number: (Quality.ESTIMATED, {"gap"}) for number in range(60, 64)
    }
    # Until the silence, polls meet the quarter hours, and what is measured is so to the watt hour.
    measured = [number for number in range(60) if found[number].quality is Quality.MEASURED]
    assert all(abs(found[number].import_wh - truth[number]) <= 2 for number in measured)


@pytest.mark.parametrize(
    ("device_id", "map_name", "step"),
    # The meter's map has whole kWh and kW, the inverter's tens of Wh and whole W, and no counter of what flows in.
    [("plain.grid", "satec_pm296", 1_000), ("roof", "huawei_sun2000", 10)],
)
def test_device_with_a_map_of_its_own_is_read_and_counted(
    tmp_path: Path, device_id: str, map_name: str, step: int
) -> None:
    own = {"devices": {device_id: {"register_map": map_name, "unit_id": 9}}, "poll_interval_s": 60}
    complex_, clock, bus = a_port_of_its_own(**own), a_clock(), MemoryBus()

    async def run() -> tuple[list[IntervalMetered], list[DeviceObserved]]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                for _ in range(16):
                    await gateway.live.poll()
                    clock.advance(MINUTE)
                await gateway.collector.collect()
                return gateway.published(IntervalMetered), gateway.published(DeviceObserved)

    metered, observed = asyncio.run(run())

    [interval] = [one for one in metered if one.meter_id == device_id]
    [(_, import_wh, export_wh)] = expected(complex_, 1)[device_id]
    assert max(import_wh, export_wh) > 5_000
    assert abs(interval.import_wh - import_wh) <= step
    assert abs(interval.export_wh - export_wh) <= step
    assert (interval.quality, interval.flags) == (Quality.MEASURED, ())
    first = next(one for one in observed if one.device_id == device_id)
    assert abs(first.import_w - 4 * import_wh) <= step // 2
    assert abs(first.export_w - 4 * export_wh) <= step // 2


@pytest.mark.parametrize("unit_id", [9, 2])
def test_meter_that_is_not_where_the_complex_file_says_stops_no_other(tmp_path: Path, unit_id: int) -> None:
    # Nobody answers as unit 9; unit 2 is an inverter, which has no model 203.
    there, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    own = {"plain.grid": {"unit_id": unit_id}} | ({"roof": {"unit_id": 8}} if unit_id == 2 else {})
    believed = a_complex(there.field_network.port, devices=own)

    async def run() -> tuple[list[DeviceObserved], list[IntervalMetered], object]:
        async with simulated(there, tmp_path, clock):
            with GatewayBench(believed, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                await gateway.live.poll()
                clock.advance(INTERVAL)
                await gateway.collector.collect()
                failures = gateway.live.health()["failures"]
                return gateway.published(DeviceObserved), gateway.published(IntervalMetered), failures

    observed, metered, failures = asyncio.run(run())

    lost = {"plain.grid", "roof"} if unit_id == 2 else {"plain.grid"}
    assert {one.device_id for one in observed if not one.reachable} == lost
    expected_failures = {"plain.grid": {"not_readable": 1}, "roof": {"refused": 1}}
    assert failures == (expected_failures if unit_id == 2 else {"plain.grid": {"refused": 1}})
    # Least of all is what another device remembers taken for the meter's own.
    assert {one.meter_id for one in metered} == {device.device_id for device in believed.devices} - lost


def noise(seed: int, *, with_marker: bool) -> list[int]:
    """Return 65,535 registers that mean nothing, perhaps behind the marker of a SunSpec map."""
    chance = random.Random(seed)  # noqa: S311 -- the same noise every time
    words = [chance.randrange(1 << 16) for _ in range(65_535)]
    if with_marker:
        words[BASE : BASE + len(MARKER)] = MARKER
    return words


@pytest.mark.parametrize("with_marker", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_device_of_65_535_registers_of_noise_is_counted_and_stops_no_other(
    tmp_path: Path, seed: int, *, with_marker: bool
) -> None:
    there, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()
    port = a_free_port()
    believed = a_complex(there.field_network.port, devices={"plain.grid": {"port": port, "unit_id": 1}})
    registers = SimData(0, values=noise(seed, with_marker=with_marker), datatype=DataType.REGISTERS)

    async def run() -> tuple[list[DeviceObserved], list[IntervalMetered], int]:
        server = ModbusTcpServer([SimDevice(1, simdata=[registers])], address=("127.0.0.1", port))
        await server.serve_forever(background=True)
        async with simulated(there, tmp_path, clock):
            with GatewayBench(believed, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                await gateway.live.poll()
                clock.advance(INTERVAL)
                await gateway.live.poll()
                await gateway.collector.collect()
                counted = gateway.live.failures["plain.grid"]["not_readable"]
                told = gateway.published(DeviceObserved), gateway.published(IntervalMetered), counted
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus left this one untyped
        return told

    observed, metered, counted = asyncio.run(run())

    assert [one.device_id for one in observed if not one.reachable] == ["plain.grid"] * 2
    assert {one.meter_id for one in metered} == {"sunny.grid", "roof", "ess"}
    assert counted in (1, 2)
