"""The gateway's set-points on converters with SunSpec's own control models alone, 124 or 704."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimAction, SimData, SimDevice

from services.fems.domain.registers.sunspec import BASE, encode, model
from services.fems.domain.simulated.faults import FaultKind
from services.fems.domain.simulated.field import battery_of
from services.fems.simulator.image import Image, Plate
from shared.complex.model import Complex
from shared.events.fems import IntervalMetered, MeterKind, SetpointConfirmed, SetpointRefused
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from simulation.clock import ManualClock
from tests.integration.fems.field_town import GatewayBench, a_clock, a_free_port, a_port_of_its_own, simulated
from tests.integration.fems.test_controls import ESS_UNIT, controls_alone
from tests.integration.fems.test_faults import a_fault, ask_for
from tests.integration.fems.test_gateway import a_setpoint
from tests.unit.fems.fields import NOW, a_complex

MINUTE = timedelta(minutes=1)
FAMILIES = pytest.mark.parametrize("sunspec", [103, 701])
Outcome = tuple[list[SetpointConfirmed], list[SetpointRefused]]


def ess_wh(gateway: GatewayBench) -> list[tuple[int, int]]:
    return [(one.import_wh, one.export_wh) for one in gateway.published(IntervalMetered) if one.meter_id == "ess"]


def outcome(gateway: GatewayBench) -> Outcome:
    return gateway.published(SetpointConfirmed), gateway.published(SetpointRefused)


async def told_at(gateway: GatewayBench, clock: ManualClock, *instants: datetime) -> None:
    """Let the gateway look after its set-points at some instants."""
    for instant in instants:
        clock.instant = instant
        await gateway.dispatcher.dispatch()


@FAMILIES
def test_set_point_is_held_until_its_interval_begins_and_undone_when_it_ends(tmp_path: Path, sunspec: int) -> None:
    complex_, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()

    async def run() -> tuple[GatewayBench, Outcome]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, -200_000))
                await told_at(gateway, clock, NOW, NOW + INTERVAL - timedelta(seconds=1))
                before = outcome(gateway)
                assert (gateway.dispatcher.pending, gateway.dispatcher.next_due) == (False, NOW + INTERVAL)
                await told_at(gateway, clock, NOW + INTERVAL)
                clock.instant = NOW + 3 * INTERVAL
                await gateway.collector.collect()
                return gateway, before

    gateway, before = asyncio.run(run())

    assert before == ([], [])
    [confirmed] = gateway.published(SetpointConfirmed)
    assert (confirmed.setpoint_w, confirmed.confirmed_at) == (-200_000, NOW + INTERVAL)
    # As through a schedule: of 50 kWh 19.4 Wh come in the next interval, while power falls. Nobody told it to stop.
    assert ess_wh(gateway) == [(0, 0), (0, 49_980), (0, 20)]


def test_silent_converters_at_two_addresses_are_waited_for_together(tmp_path: Path) -> None:
    complex_ = a_complex(port=a_free_port(), other_ess=True, devices={"ess": {"port": a_free_port()}})
    clock, connected, most = a_clock(), 0, 0

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected, most
        connected += 1
        most = max(most, connected)
        while await reader.read(1_000):
            pass
        connected -= 1
        writer.close()

    async def run() -> None:
        ports = [device.address.port for device in complex_.devices if device.kind is MeterKind.ESS]
        servers = [await asyncio.start_server(keep_silent, "127.0.0.1", port) for port in ports]
        with GatewayBench(complex_, tmp_path, clock, MemoryBus()) as gateway:
            for device_id in ("ess", "other-ess"):
                setpoint = a_setpoint(complex_, NOW + INTERVAL, 100_000)
                own = {"device_id": device_id, "setpoint_id": f"s-{device_id}"}
                gateway.give(setpoint.model_copy(update=own))
            await gateway.dispatcher.dispatch()
            assert gateway.dispatcher.pending
        for server in servers:
            server.close()

    asyncio.run(run())

    assert most == 2


@FAMILIES
def test_gateway_killed_with_a_set_point_held_writes_it_for_the_time_that_is_left(tmp_path: Path, sunspec: int) -> None:
    complex_, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()

    async def run() -> GatewayBench:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as killed:
                await killed.collector.collect()
                killed.give(a_setpoint(complex_, NOW + INTERVAL, 100_000))
                await told_at(killed, clock, NOW)
            clock.instant = NOW + INTERVAL + 3 * MINUTE
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.dispatcher.dispatch()
                clock.instant = NOW + 3 * INTERVAL
                await gateway.collector.collect()
                return gateway

    gateway = asyncio.run(run())

    assert [one.setpoint_w for one in gateway.published(SetpointConfirmed)] == [100_000]
    # 12 minutes at 100 kW are 20 kWh; climbing lacks 4.2 Wh, which falling adds.
    assert ess_wh(gateway) == [(0, 0), (19_995, 0), (5, 0)]


@FAMILIES
def test_same_set_point_for_the_next_interval_is_written_anew(tmp_path: Path, sunspec: int) -> None:
    complex_, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()

    async def run() -> GatewayBench:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                for number in (1, 2):
                    gateway.give(a_setpoint(complex_, NOW + number * INTERVAL, 100_000))
                await told_at(gateway, clock, NOW, NOW + INTERVAL, NOW + 2 * INTERVAL)
                clock.instant = NOW + 4 * INTERVAL
                await gateway.collector.collect()
                return gateway

    gateway = asyncio.run(run())

    assert len(gateway.published(SetpointConfirmed)) == 2
    assert ess_wh(gateway) == [(0, 0), (24_995, 0), (25_000, 0), (5, 0)]


@FAMILIES
def test_late_doubled_and_replaced_set_points_are_refused_as_everywhere(tmp_path: Path, sunspec: int) -> None:
    complex_, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()
    first, second = NOW + INTERVAL, NOW + 2 * INTERVAL
    later, latest = a_setpoint(complex_, second, 7_000, issued_at=NOW + MINUTE), a_setpoint(complex_, first, 9_000)

    async def run() -> GatewayBench:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, second, 5_000))
                await told_at(gateway, clock, NOW)
                gateway.give(later)
                gateway.give(later.model_copy(update={"participant_id": "sunny", "charge_w_max": 200_000}))
                gateway.give(a_setpoint(complex_, second, 6_000, issued_at=NOW + MINUTE / 2))
                # In time by its sender's clock, but it comes when its interval runs.
                await told_at(gateway, clock, NOW + MINUTE, NOW + 2 * MINUTE, first + MINUTE)
                gateway.give(latest)
                await told_at(gateway, clock, first + MINUTE, second)
                return gateway

    gateway = asyncio.run(run())

    assert [one.setpoint_w for one in gateway.published(SetpointConfirmed)] == [7_000]
    refused = sorted((one.setpoint_w, one.reason) for one in gateway.published(SetpointRefused))
    assert refused == [(5_000, "out_of_order"), (6_000, "out_of_order"), (7_000, "repeated"), (9_000, "expired")]


@FAMILIES
def test_set_point_that_expires_while_it_is_held_is_not_written(tmp_path: Path, sunspec: int) -> None:
    complex_, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()
    start = NOW + INTERVAL
    brief = a_setpoint(complex_, start, 50_000).model_copy(update={"expires_at": start + MINUTE})

    async def run() -> Outcome:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(brief)
                await told_at(gateway, clock, NOW, start + MINUTE)
                return outcome(gateway)

    confirmed, refused = asyncio.run(run())

    assert (confirmed, [one.reason for one in refused]) == ([], ["expired"])


def test_set_point_held_for_a_battery_that_is_gone_is_refused(tmp_path: Path) -> None:
    complex_, clock, bus = controls_alone(103), a_clock(), MemoryBus()
    content = complex_.model_dump(mode="json")
    content["participants"][0]["ess"], content["field_network"]["devices"] = [], {}

    async def run() -> Outcome:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, 50_000))
                await told_at(gateway, clock, NOW)
            with GatewayBench(Complex.model_validate(content), tmp_path, clock, bus) as gateway:
                await told_at(gateway, clock, NOW + INTERVAL)
                return outcome(gateway)

    confirmed, refused = asyncio.run(run())

    assert (confirmed, [one.reason for one in refused]) == ([], ["unknown_device"])


@FAMILIES
def test_set_point_beyond_the_converters_own_plate_is_refused_before_its_interval(tmp_path: Path, sunspec: int) -> None:
    there, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()
    content = there.model_dump(mode="json")
    content["participants"][0]["ess"][0] |= {"charge_kw_max": 400, "discharge_kw_max": 400}
    believed = Complex.model_validate(content)
    wide = {"charge_w_max": 400_000, "discharge_w_max": 400_000}

    async def run() -> Outcome:
        async with simulated(there, tmp_path, clock):
            with GatewayBench(believed, tmp_path, clock, bus) as gateway:
                for number, setpoint_w in enumerate((-260_000, 260_000, 249_000), start=1):
                    one = a_setpoint(believed, NOW + number * INTERVAL, setpoint_w)
                    gateway.give(one.model_copy(update=wide))
                await told_at(gateway, clock, NOW, NOW + 3 * INTERVAL)
                return outcome(gateway)

    confirmed, refused = asyncio.run(run())

    assert [one.setpoint_w for one in confirmed] == [249_000]
    assert [(one.setpoint_w, one.reason) for one in refused] == [
        (-260_000, "out_of_bounds"),
        (260_000, "out_of_bounds"),
    ]
    assert "by the converter's own ratings, was 260000" in refused[1].detail


@FAMILIES
def test_converter_that_rejects_the_command_has_not_confirmed_it(tmp_path: Path, sunspec: int) -> None:
    complex_, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()
    ask_for(tmp_path, complex_, a_fault("ess", FaultKind.REJECTED_WRITE))

    async def run() -> Outcome:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, 80_000))
                await told_at(gateway, clock, NOW, NOW + INTERVAL, NOW + 2 * INTERVAL)
                return outcome(gateway)

    confirmed, refused = asyncio.run(run())

    assert (confirmed, [one.reason for one in refused]) == ([], ["unconfirmed"])


@FAMILIES
def test_converter_that_is_silent_when_its_interval_begins_is_told_when_it_is_back(
    tmp_path: Path, sunspec: int
) -> None:
    complex_, clock, bus = controls_alone(sunspec), a_clock(), MemoryBus()
    start = NOW + INTERVAL
    ask_for(tmp_path, complex_, a_fault("ess", FaultKind.SILENT, start, start + MINUTE))

    async def run() -> tuple[Outcome, Outcome]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, start, 80_000))
                await told_at(gateway, clock, NOW, start)
                silent = outcome(gateway)
            # Another gateway has not lost its patience with it yet.
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await told_at(gateway, clock, start + MINUTE)
                return silent, outcome(gateway)

    silent, (confirmed, refused) = asyncio.run(run())

    assert silent == ([], [])
    assert ([one.setpoint_w for one in confirmed], refused) == ([80_000], [])


async def _deaf(
    function_code: int,
    start_address: int,
    address: int,
    count: int,
    current_registers: list[int],
    set_values: list[int] | list[bool] | None,
) -> ExcCodes | None:
    """Say yes to what is written, and keep nothing of it."""
    del function_code, start_address
    if set_values:
        standing = current_registers[address - BASE : address - BASE + count]
        set_values[:] = standing  # type: ignore[assignment]  # what is written to registers are whole numbers
    return None


def refusal_of_a_bare_device(
    folder: Path, sunspec: int, standing: dict[str, int], action: SimAction | None = None
) -> SetpointRefused:
    """Return why a converter that is nothing but registers does not confirm; those that `standing` names are filled."""
    port = a_free_port()
    own = {"ess": {"port": port, "unit_id": ESS_UNIT}}
    complex_, clock, bus = a_port_of_its_own(devices=own), a_clock(), MemoryBus()
    battery = battery_of(complex_.participants[0].ess[0])
    image = Image(Plate("ess", MeterKind.ESS, 250_000, battery, sunspec=sunspec, schedules=False))
    model_id = 704 if sunspec == 701 else 124
    for name, number in standing.items():
        point = model(model_id).points[name]
        at = image.address(model_id) + point.offset - BASE
        image.initial[at : at + point.size] = encode(point, number)
    registers = SimData(BASE, values=image.initial, datatype=DataType.REGISTERS)

    async def run() -> Outcome:
        device = SimDevice(ESS_UNIT, simdata=[registers], action=action)
        server = ModbusTcpServer([device], address=("127.0.0.1", port))
        await server.serve_forever(background=True)
        with GatewayBench(complex_, folder, clock, bus) as gateway:
            gateway.give(a_setpoint(complex_, NOW + INTERVAL, 80_000))
            await told_at(gateway, clock, NOW, NOW + INTERVAL)
            told = outcome(gateway)
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus left this one untyped
        return told

    confirmed, [refused] = asyncio.run(run())
    assert confirmed == []
    return refused


@pytest.mark.parametrize(
    ("sunspec", "standing", "why"),
    [
        (103, {}, "it has no InOutWRte_RvrtTms (model 124)"),
        (701, {}, "it has no WSetRvrtTms (model 704)"),
        (701, {"WSetRvrtTms": 0, "WSetRvrtRem": 0}, "its revert time does not run (WSetRvrtRem)"),
    ],
)
def test_converter_without_a_watchdog_of_its_own_is_not_trusted_with_a_command(
    tmp_path: Path, sunspec: int, standing: dict[str, int], why: str
) -> None:
    refused = refusal_of_a_bare_device(tmp_path, sunspec, standing)

    assert (refused.reason, refused.detail) == ("unconfirmed", f"nothing would stop the converter: {why}")


@pytest.mark.parametrize(
    ("sunspec", "standing", "why"),
    [
        (
            103,
            {"StorCtl_Mod": 3, "InWRte": 0, "OutWRte": 0, "InOutWRte_RvrtTms": 900},
            "InWRte (model 124) was written as 3200 and reads 0",
        ),
        (
            701,
            {"WSetEna": 1, "WSetMod": 1, "WSet": 0, "WSetRvrt": 0, "WSetEnaRvrt": 1, "WSetRvrtTms": 900},
            "WSet (model 704) was written as -80000 and reads 0",
        ),
    ],
)
def test_converter_that_shows_another_command_has_not_confirmed_it(
    tmp_path: Path, sunspec: int, standing: dict[str, int], why: str
) -> None:
    refused = refusal_of_a_bare_device(tmp_path, sunspec, standing, _deaf)

    expected = ("unconfirmed", f"the converter does not show the command: {why}")
    assert (refused.reason, refused.detail) == expected
