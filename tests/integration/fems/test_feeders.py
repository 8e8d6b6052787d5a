"""Meters of whole feeders: polled and counted like any other, and held against the meters of their factories."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.faults import FaultKind
from services.fems.domain.simulated.field import Field
from services.fems.gateway.publishing import Metered, publish
from services.fems.gateway.sum_checks import Aftermath
from services.fems.simulator.load_sources import sources_of
from shared.complex.model import Complex
from shared.events.fems import IntervalMetered, Quality
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_port_of_its_own, simulated
from tests.integration.fems.test_faults import a_fault, ask_for
from tests.integration.fems.test_gateway import a_setpoint
from tests.unit.fems.fields import NOW, NOW_NUMBER, idle_meters

METER = "F1.head"
MINUTE = timedelta(minutes=1)


def a_metered_feeder(**devices: object) -> Complex:
    content = a_port_of_its_own().model_dump(mode="json")
    content["field_network"]["devices"] = devices
    meter = {"meter_id": METER, "loss": 0.01, "tolerance": 0.02}
    return Complex.model_validate(content | {"feeders": [{"feeder_id": "F1", "meter": meter}]})


def truth_wh(complex_: Complex, meter_id: str, count: int) -> list[tuple[int, int]]:
    imports, exports = idle_meters(Field(complex_, sources_of(complex_)), NOW_NUMBER, count)[meter_id]
    return [(int(taken), int(given)) for taken, given in zip(imports, exports, strict=True)]


def shown(events: list[IntervalMetered], meter_id: str = METER) -> list[tuple[int, int, int, tuple[str, ...]]]:
    """Return (import, export, version, flags) of a meter's readings."""
    mine = [one for one in events if one.meter_id == meter_id]
    return [(one.import_wh, one.export_wh, one.reading_version, one.flags) for one in mine]


def published(
    complex_: Complex, folder: Path, intervals: int, then: Callable[[GatewayBench], None] | None = None
) -> list[IntervalMetered]:
    """Return what a gateway that checks its sums publishes of so many intervals; `then` does something more."""
    clock, bus = a_clock(), MemoryBus()

    async def run() -> list[IntervalMetered]:
        async with simulated(complex_, folder, clock):
            with GatewayBench(complex_, folder, clock, bus) as gateway:
                aftermath = Aftermath(complex_, gateway.engine)
                await gateway.collector.collect()
                for _ in range(intervals):
                    clock.advance(INTERVAL)
                    await gateway.collector.collect()
                    aftermath.see_to(clock.now())
                if then is not None:
                    then(gateway)
                aftermath.see_to(clock.now())
                aftermath.see_to(clock.now())
                return gateway.published(IntervalMetered)

    return asyncio.run(run())


def test_feeder_meter_shows_its_factories_and_what_the_line_takes(tmp_path: Path) -> None:
    complex_ = a_metered_feeder()

    found = published(complex_, tmp_path, 3)

    grids = [truth_wh(complex_, one.grid_meter_id, 3) for one in complex_.participants]
    for number, (import_wh, export_wh, version, flags) in enumerate(shown(found)):
        net_wh = sum(grid[number][0] - grid[number][1] for grid in grids)
        # One hundredth of what the factories draw together is lost on the way.
        assert (import_wh, export_wh) == (net_wh + net_wh // 100, 0)
        assert (version, flags) == (1, ())
    assert len(shown(found)) == 3
    [one, *_] = [one for one in found if one.meter_id == METER]
    assert (one.participant_id, one.meter_kind.value, one.quality) == ("F1", "feeder", Quality.MEASURED)


def test_factory_whose_meter_shows_too_little_contradicts_its_feeder(tmp_path: Path) -> None:
    complex_ = a_metered_feeder()
    ask_for(tmp_path, complex_, a_fault("plain.grid", FaultKind.WRONG_RATIO, NOW + 2 * INTERVAL, amount=80))

    found = published(complex_, tmp_path, 4)

    feeder = truth_wh(complex_, METER, 4)
    # Nothing else tells: the meter itself is steady, so its own readings carry no flag.
    assert {flags for *_, flags in shown(found, "plain.grid")} == {()}
    assert shown(found) == [
        (*feeder[0], 1, ()),
        (*feeder[1], 1, ()),
        (*feeder[2], 1, ()),
        (*feeder[2], 2, ("sum_check",)),
        (*feeder[3], 1, ()),
        (*feeder[3], 2, ("sum_check",)),
    ]


def test_correction_of_the_factory_takes_the_flag_from_its_feeder(tmp_path: Path) -> None:
    complex_ = a_metered_feeder()
    ask_for(tmp_path, complex_, a_fault("plain.grid", FaultKind.WRONG_RATIO, amount=50))
    [meter] = [device for device in complex_.devices if device.device_id == "plain.grid"]
    [flows] = truth_wh(complex_, "plain.grid", 1)

    def correct(gateway: GatewayBench) -> None:
        with gateway.engine.begin() as db:
            publish(db, complex_.complex_id, meter, [Metered(number_of(NOW), *flows, Quality.EDITED)], now=NOW)

    found = published(complex_, tmp_path, 1, correct)

    assert [(version, flags) for *_, version, flags in shown(found)] == [(1, ()), (2, ("sum_check",)), (3, ())]


def test_guess_contradicts_no_feeder(tmp_path: Path) -> None:
    complex_ = a_metered_feeder(**{"plain.grid": {"remembers": False}})
    [meter] = [device for device in complex_.devices if device.device_id == "plain.grid"]

    def guess(gateway: GatewayBench) -> None:
        with gateway.engine.begin() as db:
            publish(db, complex_.complex_id, meter, [Metered(number_of(NOW), 0, 0, Quality.ESTIMATED)], now=NOW)

    found = published(complex_, tmp_path, 1, guess)

    assert [(version, flags) for *_, version, flags in shown(found)] == [(1, ())]


def test_counted_feeder_meter_goes_on_where_it_was_when_its_devices_are_killed(tmp_path: Path) -> None:
    complex_ = a_metered_feeder(**{METER: {"remembers": False}})
    clock, bus = a_clock(), MemoryBus()

    async def minutes(gateway: GatewayBench, count: int) -> None:
        for _ in range(count):
            await gateway.live.poll()
            clock.advance(MINUTE)

    async def run() -> list[IntervalMetered]:
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                gateway.give(a_setpoint(complex_, NOW + INTERVAL, 200_000))
                await gateway.dispatcher.dispatch()
                await minutes(gateway, 20)
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await minutes(gateway, 26)
                return gateway.published(IntervalMetered)

    found = asyncio.run(run())

    feeder = truth_wh(complex_, METER, 3)
    # 200 kW for the second quarter of an hour are 50 kWh more, of which 19 Wh come in the third as power falls, and a
    # hundredth for the line.
    expected = [feeder[0][0], feeder[1][0] + 50_480, feeder[2][0] + 20]
    measured = [import_wh for import_wh, *_ in shown(found)]
    # What the killed gateway had counted of the second quarter of an hour is counted from its last completed one.
    assert all(abs(one - other) <= 2 for one, other in zip(measured, expected, strict=True))


def test_meter_of_a_line_without_factories_stands_and_is_read(tmp_path: Path) -> None:
    content = a_metered_feeder().model_dump(mode="json")
    content["feeders"].append({"feeder_id": "F2", "meter": {"meter_id": "F2.head"}})
    complex_ = Complex.model_validate(content)

    found = published(complex_, tmp_path, 2)

    assert shown(found, "F2.head") == [(0, 0, 1, ())] * 2
