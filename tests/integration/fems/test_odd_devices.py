"""Real devices that were taken for silent ones: each habit, and the state that is read all the same."""

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from shared.events.fems import DeviceObserved, IntervalMetered
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_free_port
from tests.integration.fems.odd_devices import OddDevice, answering, map_of, words_of
from tests.unit.fems.fields import a_complex

METER, ROOF, BATTERY = "plain.grid", "roof", "ess"
COMMON = words_of(1, SN="A-1")
OF_203 = words_of(203, W=5_000, W_SF=0, TotWhExp=1_000, TotWhImp=200_000, TotWh_SF=0)


def seen(
    folder: Path,
    device_id: str,
    units: Mapping[int, OddDevice],
    *,
    rtu: bool = False,
    polls: int = 1,
    **own: Any,
) -> DeviceObserved:
    """Return what the gateway sees of a device at the last of some polls, a quarter hour apart."""
    port, clock = a_free_port(), a_clock()
    complex_ = a_complex(a_free_port(), devices={device_id: {"port": port, "unit_id": 1, **own}})

    async def run() -> DeviceObserved:
        async with answering(port, units, rtu=rtu):
            with GatewayBench(complex_, folder, clock, MemoryBus()) as gateway:
                for _ in range(polls):
                    clock.advance(INTERVAL)
                    await gateway.live.observe(complex_.by_device[device_id])
                    await gateway.live.flush()
                return gateway.published(DeviceObserved)[-1]

    return asyncio.run(run())


def state(found: DeviceObserved) -> tuple[bool, int, int]:
    return found.reachable, found.import_w, found.export_w


@pytest.mark.parametrize("model_id", [201, 202, 203, 204])
def test_meters_of_one_two_and_three_phases_are_read(tmp_path: Path, model_id: int) -> None:
    power = words_of(model_id, W=-500, W_SF=1, TotWhExp=1_000, TotWhImp=200_000, TotWh_SF=1)

    assert state(seen(tmp_path, METER, {1: OddDevice(map_of(COMMON, power))})) == (True, 0, 5_000)


@pytest.mark.parametrize("model_id", [211, 212, 213, 214])
def test_meters_that_tell_floats_are_read(tmp_path: Path, model_id: int) -> None:
    power = words_of(model_id, W=5_000.4, TotWhExp=1_000.0, TotWhImp=200_000.5)

    assert state(seen(tmp_path, METER, {1: OddDevice(map_of(COMMON, power))})) == (True, 5_000, 0)


@pytest.mark.parametrize("model_id", [101, 102, 103])
def test_inverters_of_one_two_and_three_phases_are_read(tmp_path: Path, model_id: int) -> None:
    power = words_of(model_id, W=3_000, W_SF=0, WH=123_456, WH_SF=0)

    assert state(seen(tmp_path, ROOF, {1: OddDevice(map_of(COMMON, power))})) == (True, 0, 3_000)


@pytest.mark.parametrize("model_id", [111, 112, 113])
def test_inverters_that_tell_floats_are_read(tmp_path: Path, model_id: int) -> None:
    power = words_of(model_id, W=3_000.2, WH=123_456.0)

    assert state(seen(tmp_path, ROOF, {1: OddDevice(map_of(COMMON, power))})) == (True, 0, 3_000)


def test_an_inverter_that_sleeps_gives_nothing_and_is_not_silent(tmp_path: Path) -> None:
    asleep = words_of(103, WH=123_456, WH_SF=0)

    assert state(seen(tmp_path, ROOF, {1: OddDevice(map_of(COMMON, asleep))})) == (True, 0, 0)


def test_a_battery_that_does_not_tell_its_charge_for_now_still_tells_its_power(tmp_path: Path) -> None:
    units = {1: OddDevice(map_of(COMMON, words_of(103, W=2_000, W_SF=0), words_of(802, WHRtg=1_000, WHRtg_SF=3)))}

    found = seen(tmp_path, BATTERY, units)

    assert (state(found), found.soc_wh) == ((True, 0, 2_000), None)


def test_a_battery_tells_its_state_of_health_where_it_has_one(tmp_path: Path) -> None:
    store = words_of(802, WHRtg=1_000, WHRtg_SF=3, SoC=500, SoC_SF=-1, SoH=973, SoH_SF=-1)
    units = {1: OddDevice(map_of(COMMON, words_of(103, W=0, W_SF=0), store))}

    found = seen(tmp_path, BATTERY, units)

    assert (found.soc_wh, found.soh_permille) == (500_000, 973)


def test_a_device_that_thinks_for_longer_is_waited_for_as_its_file_says(tmp_path: Path) -> None:
    units = {1: OddDevice(map_of(COMMON, OF_203), delay_s=1.1)}

    assert state(seen(tmp_path, METER, units, answer_within_s=3)) == (True, 5_000, 0)


@pytest.mark.parametrize("unit_id", [0, 255])
def test_unit_ids_of_boxes_that_have_one_device_alone(tmp_path: Path, unit_id: int) -> None:
    units = {unit_id: OddDevice(map_of(COMMON, OF_203))}

    assert state(seen(tmp_path, METER, units, unit_id=unit_id)) == (True, 5_000, 0)


@pytest.mark.parametrize("base", [0, 50_000])
@pytest.mark.parametrize("at_40000", ["other words", "exception 4"])
def test_a_map_at_another_place_is_found_whatever_the_first_one_answers(
    tmp_path: Path, base: int, at_40000: str
) -> None:
    registers = map_of(COMMON, OF_203, base=base)
    if at_40000 == "other words":
        registers |= {40_000: 7, 40_001: 7}
    device = OddDevice(registers, hole_code=4 if at_40000 == "exception 4" else 2)

    assert state(seen(tmp_path, METER, {1: device}, polls=2)) == (True, 5_000, 0)


def test_reads_do_not_go_across_the_end_of_a_model(tmp_path: Path) -> None:
    registers = map_of(COMMON, words_of(103, W=2_000, W_SF=0), words_of(802, WHRtg=1_000, SoC=50, SoC_SF=0, WHRtg_SF=3))
    starts = (40_000, 40_002, 40_070, 40_122, 40_186)
    blocks = [(first, end - 1) for first, end in pairwise((*starts, 40_188))]
    device = OddDevice(registers, blocks=blocks)

    found = seen(tmp_path, BATTERY, {1: device}, polls=6)

    assert (state(found), found.soc_wh) == ((True, 0, 2_000), 500_000)
    # What was refused once is not asked again at each of the polls, which are two questions each.
    assert device.since_refusal >= 8


def test_reads_of_more_than_fifty_registers_are_split_once_they_were_refused(tmp_path: Path) -> None:
    store = words_of(802, WHRtg=1_000, SoC=50, SoC_SF=0, WHRtg_SF=3)
    device = OddDevice(map_of(COMMON, words_of(103, W=2_000, W_SF=0), store), most=50)

    found = seen(tmp_path, BATTERY, {1: device}, polls=6)

    assert (state(found), found.soc_wh) == ((True, 0, 2_000), 500_000)
    assert device.since_refusal >= 8


@pytest.mark.parametrize("end", ["zeros", "exception"])
def test_lists_of_models_that_end_in_another_way(tmp_path: Path, end: str) -> None:
    units = {1: OddDevice(map_of(COMMON, OF_203, end=(0, 0) if end == "zeros" else ()))}

    assert state(seen(tmp_path, METER, units)) == (True, 5_000, 0)


def test_two_meters_behind_one_unit_are_told_apart_by_their_place(tmp_path: Path) -> None:
    second = words_of(203, W=700, W_SF=0, TotWhExp=0, TotWhImp=9, TotWh_SF=0)
    units = {1: OddDevice(map_of(COMMON, OF_203, words_of(1, SN="B-2"), second))}
    port, clock = a_free_port(), a_clock()
    places = {"sunny.grid": {"port": port, "unit_id": 1}, METER: {"port": port, "unit_id": 1, "instance": 2}}
    complex_ = a_complex(a_free_port(), devices=places)

    async def run() -> tuple[list[DeviceObserved], list[str | None]]:
        async with answering(port, units):
            with GatewayBench(complex_, tmp_path, clock, MemoryBus()) as gateway:
                for device_id in places:
                    await gateway.live.observe(complex_.by_device[device_id])
                await gateway.live.flush()
                serials = [gateway.live._seen[device_id].serial for device_id in places]
                return gateway.published(DeviceObserved), serials

    found, serials = asyncio.run(run())

    assert {one.device_id: one.import_w for one in found} == {"sunny.grid": 5_000, METER: 700}
    assert serials == ["A-1", "B-2"]


def test_a_meter_that_was_mounted_the_wrong_way_round_is_turned(tmp_path: Path) -> None:
    found = seen(tmp_path, METER, {1: OddDevice(map_of(COMMON, OF_203))}, reversed=True)

    assert state(found) == (True, 0, 5_000)


def test_counters_of_a_meter_that_was_mounted_the_wrong_way_round_are_turned_too(tmp_path: Path) -> None:
    port, clock = a_free_port(), a_clock()
    complex_ = a_complex(a_free_port(), devices={METER: {"port": port, "unit_id": 1, "reversed": True}})
    device = OddDevice(map_of(COMMON, OF_203))

    async def run() -> list[IntervalMetered]:
        async with answering(port, {1: device}):
            with GatewayBench(complex_, tmp_path, clock, MemoryBus()) as gateway:
                for minutes in range(0, 31, 1):
                    registers = words_of(
                        203, W=6_000, W_SF=0, TotWhExp=1_000, TotWhImp=200_000 + 100 * minutes, TotWh_SF=0
                    )
                    device.registers = map_of(COMMON, registers)
                    await gateway.live.observe(complex_.by_device[METER])
                    clock.advance(INTERVAL / 15)
                await gateway.live.flush()
                return gateway.published(IntervalMetered)

    found = asyncio.run(run())

    assert [(one.import_wh, one.export_wh) for one in found] == [(0, 1_500), (0, 1_500)]


def test_rtu_frames_over_tcp_are_spoken_where_the_file_says_so(tmp_path: Path) -> None:
    units = {1: OddDevice(map_of(COMMON, OF_203))}

    assert state(seen(tmp_path, METER, units, rtu=True, framing="rtu")) == (True, 5_000, 0)
