"""Readings that become known better later: each next word is the interval's next version, and never a worse one."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from services.fems import store
from services.fems.domain.interval_numbers import number_of
from services.fems.gateway.estimates import Estimates
from services.fems.gateway.publishing import Metered, publish
from shared.complex.model import Complex
from shared.events.fems import IntervalMetered, Quality
from shared.intervals import INTERVAL
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_port_of_its_own, simulated
from tests.integration.fems.test_gateway import expected
from tests.unit.fems.fields import NOW

HOUR = timedelta(hours=1)
NUMBER = number_of(NOW)


def published(gateway: GatewayBench, complex_: Complex, *found: Metered) -> list[tuple[int, int, str]]:
    """Publish intervals of one meter one after the other, and return what is on the bus of it."""
    [meter] = [device for device in complex_.devices if device.device_id == "plain.grid"]
    for one in found:
        with gateway.engine.begin() as db:
            publish(db, complex_.complex_id, meter, [one], now=NOW)
    events = gateway.published(IntervalMetered)
    return [(event.reading_version, event.import_wh, event.quality.value) for event in events]


def test_a_later_word_is_the_next_version_and_the_same_word_is_nothing(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()
    guess, word = Metered(NUMBER, 500, 0, Quality.ESTIMATED), Metered(NUMBER, 700, 0, Quality.MEASURED)
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        found = published(gateway, complex_, guess, guess, word, word)

    assert found == [(1, 500, "estimated"), (2, 700, "measured")]


def test_a_measurement_that_confirms_a_guess_says_so(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()
    guess, word = Metered(NUMBER, 500, 0, Quality.ESTIMATED), Metered(NUMBER, 500, 0, Quality.MEASURED)
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        assert published(gateway, complex_, guess, word) == [(1, 500, "estimated"), (2, 500, "measured")]


def test_a_guess_never_replaces_a_measurement(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()
    word, guess = Metered(NUMBER, 700, 0, Quality.MEASURED), Metered(NUMBER, 500, 0, Quality.ESTIMATED)
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        assert published(gateway, complex_, word, guess) == [(1, 700, "measured")]


def test_meter_that_stays_silent_is_estimated_and_corrected_when_it_answers(tmp_path: Path) -> None:
    complex_, clock, bus = a_port_of_its_own(), a_clock(), MemoryBus()

    async def run() -> tuple[list[IntervalMetered], list[IntervalMetered]]:
        with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
            estimates = Estimates(complex_, gateway.engine, after=HOUR)
            async with simulated(complex_, tmp_path, clock):
                await gateway.collector.collect()
                clock.advance(INTERVAL)
                await gateway.collector.collect()
            clock.advance(HOUR)
            estimates.publish_due(clock.now())
            assert len(gateway.published(IntervalMetered)) == 4, "nothing is estimated before its time"
            clock.advance(2 * INTERVAL)
            estimates.publish_due(clock.now())
            estimates.publish_due(clock.now())
            guessed = [one for one in gateway.published(IntervalMetered) if one.delivery_start > NOW]
        async with simulated(complex_, tmp_path, clock):
            with GatewayBench(complex_, tmp_path, clock, bus) as gateway:
                await gateway.collector.collect()
                return guessed, gateway.published(IntervalMetered)

    guessed, found = asyncio.run(run())

    # An hour and a half of silence after the first interval: two intervals are more than an hour overdue.
    assert {(one.meter_id, (one.delivery_start - NOW) // INTERVAL) for one in guessed} == {
        (device.device_id, number) for device in complex_.devices for number in (1, 2)
    }
    assert {(one.quality, one.flags, one.import_wh) for one in guessed} == {(Quality.MISSING, ("gap",), 0)}
    newest = {(one.meter_id, one.delivery_start): one for one in found}
    assert [
        (start, newest["plain.grid", start].import_wh, newest["plain.grid", start].export_wh)
        for start in (NOW + n * INTERVAL for n in range(7))
    ] == expected(complex_, 7)["plain.grid"]
    versions = [newest["plain.grid", NOW + n * INTERVAL].reading_version for n in range(7)]
    assert versions == [1, 2, 2, 1, 1, 1, 1]


def test_estimate_is_what_the_meter_measured_a_week_before(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own()
    week_before = Metered(NUMBER - 672, 900, 0, Quality.MEASURED)
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        with gateway.engine.begin() as db:
            store.start_meters(db, complex_.complex_id, ["plain.grid"], NOW)
        published(gateway, complex_, week_before, Metered(NUMBER - 1, 100, 0, Quality.MEASURED))

        Estimates(complex_, gateway.engine, after=HOUR).publish_due(NOW + HOUR + INTERVAL)

        [last] = [one for one in gateway.published(IntervalMetered) if one.delivery_start == NOW]
    assert (last.quality, last.import_wh) == (Quality.ESTIMATED, 900)


def test_meter_that_was_never_read_is_estimated_by_the_same_deadline_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # A meter by its own map, one by SunSpec and a battery, none of which ever answers.
    complex_ = a_port_of_its_own(devices={"plain.grid": {"register_map": "satec_pm296"}})
    clock = a_clock()

    async def run() -> list[IntervalMetered]:
        with GatewayBench(complex_, tmp_path, clock, MemoryBus()) as gateway:
            estimates = Estimates(complex_, gateway.engine, after=HOUR, reasons=gateway.live.reasons)
            await gateway.live.poll()
            await gateway.collector.collect()
            estimates.publish_due(clock.now())
            clock.advance(HOUR + INTERVAL)
            await gateway.collector.collect()
            estimates.publish_due(clock.now())
            return gateway.published(IntervalMetered)

    found = asyncio.run(run())

    # The interval in which the gateway first knew of them is the only one that is more than an hour overdue.
    assert {(one.meter_id, one.delivery_start, one.quality) for one in found} == {
        (device.device_id, NOW, Quality.MISSING) for device in complex_.devices
    }
    named = {
        getattr(record, "meter_id", None): getattr(record, "reason", "")
        for record in caplog.records
        if "estimated" in record.message
    }
    assert named.keys() == {device.device_id for device in complex_.devices}
    assert all("no connection" in reason for reason in named.values())


def test_hole_before_a_later_reading_is_estimated_too(tmp_path: Path) -> None:
    complex_, clock = a_port_of_its_own(), a_clock()

    async def run() -> list[IntervalMetered]:
        with GatewayBench(complex_, tmp_path, clock, MemoryBus()) as gateway:
            estimates = Estimates(complex_, gateway.engine, after=HOUR)
            await gateway.collector.collect()
            # Only the second of three intervals is handed in, by a person.
            clock.advance(HOUR + 3 * INTERVAL)
            published(gateway, complex_, Metered(NUMBER + 1, 700, 0, Quality.EDITED))
            estimates.publish_due(clock.now())
            return [one for one in gateway.published(IntervalMetered) if one.meter_id == "plain.grid"]

    found = {one.delivery_start: one.quality for one in asyncio.run(run())}

    assert found == {NOW: Quality.MISSING, NOW + INTERVAL: Quality.EDITED, NOW + 2 * INTERVAL: Quality.MISSING}
