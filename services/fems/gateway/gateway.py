"""The gateway's loops: three a complex, which share a connection to each address and ask in turns."""

import asyncio
import logging
import threading
from collections import ChainMap
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine

from services.fems.domain.interval_numbers import number_of, start_of
from services.fems.gateway.collector import Collector
from services.fems.gateway.dispatcher import Dispatcher
from services.fems.gateway.estimates import Estimates
from services.fems.gateway.intake.admission import KEEP, ReadingAdmission
from services.fems.gateway.intake.mqtt import MqttRoad
from services.fems.gateway.intake.uploads import Uploads
from services.fems.gateway.modbus import Lines
from services.fems.gateway.poller import LivePoller
from services.fems.gateway.retention import ARCHIVE_KEEP, MINUTES_KEEP, Keeper
from services.fems.gateway.sum_checks import Aftermath
from shared.clock import Clock, monotonic_s
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, Device
from shared.events.fems import MeterKind
from shared.runtime.runloop import PASSING_FAULTS

logger = logging.getLogger(__name__)

DISPATCH_EVERY_S, DISPATCH_IDLE_S = 0.05, 0.1
RETRY_EVERY_S = 0.2
SILENT_AGAIN_S = 5.0
WAIT_S_MIN, WAIT_S_MAX = 0.02, 0.5
# A transaction and a message to the broker cost more than what is in them: what completes together goes together.
FLUSH_EVERY_S = 0.25
SAY_EVERY_S = 60.0


@dataclass(frozen=True, kw_only=True)
class ReadingRules:
    """What a deployment decides about its readings.

    Attributes:
        estimate_after: For how long a meter may be silent before its intervals are estimated.
        upload_dir: Where people put past meter data, a folder a complex; None: nowhere.
        keep: For how long published readings are kept, and may be corrected.
        mqtt_url: The broker that factories' own systems publish to; None: none.
        archive_dir: Where days are kept as Parquet files; None: nowhere.
        archive_keep: For how long they are kept.
        minutes_keep: For how long the database keeps minutes.
    """

    estimate_after: timedelta
    upload_dir: Path | None = None
    mqtt_url: str | None = None
    keep: timedelta = KEEP
    archive_dir: Path | None = None
    archive_keep: timedelta = ARCHIVE_KEEP
    minutes_keep: timedelta = MINUTES_KEEP


class Gateway:
    """Every complex's field network."""

    def __init__(self, complexes: Complexes, clock: Clock, engine: Engine, rules: ReadingRules) -> None:
        self._complexes = complexes
        self._clock = clock
        self._engine = engine
        self._rules = rules

    async def run(self, stop: threading.Event) -> None:
        """Poll, collect and dispatch until `stop` is set; any but a passing fault ends all of it."""
        url = self._rules.mqtt_url
        desks = [ReadingAdmission(one, keep=self._rules.keep) for one in self._complexes.values()]
        roads = [MqttRoad(desk, self._clock, self._engine, url, stop) for desk in desks if url is not None]
        for road in roads:
            road.start()
        lines = Lines(*self._complexes.values())
        try:
            async with asyncio.TaskGroup() as tasks:
                for complex_ in self._complexes.values():
                    poller = LivePoller(complex_, self._clock, self._engine, lines)
                    tasks.create_task(self._poll(complex_, poller, stop))
                    tasks.create_task(self._collect(complex_, lines, poller.reasons, stop))
                    if any(device.kind is MeterKind.ESS for device in complex_.devices):
                        tasks.create_task(self._dispatch(complex_, lines, stop))
        finally:
            stop.set()
            lines.close()
            for road in roads:
                road.close()

    async def _poll(self, complex_: Complex, poller: LivePoller, stop: threading.Event) -> None:
        """Observe each device in its own part of the polling interval, so that they do not all come at once."""
        began = self._clock.shown()
        await _through_passing_faults(poller.poll)
        every = timedelta(seconds=complex_.field_network.poll_interval_s)
        count = len(complex_.field_devices)
        due = {one.device_id: began + every * (1 + place / count) for place, one in enumerate(complex_.field_devices)}
        async with asyncio.TaskGroup() as tasks:
            for devices in complex_.devices_by_address.values():
                tasks.create_task(self._poll_line(poller, devices, due, every, stop))
            tasks.create_task(self._flush(poller, stop))

    async def _poll_line(
        self,
        poller: LivePoller,
        devices: Sequence[Device],
        due: dict[str, datetime],
        every: timedelta,
        stop: threading.Event,
    ) -> None:
        """Observe the devices behind one address, each when it is due."""
        while not stop.is_set():
            device = min(devices, key=lambda one: due[one.device_id])
            late = self._clock.shown() - due[device.device_id]
            if late < timedelta(0):
                await asyncio.sleep(self._wait_s(due[device.device_id], least_s=0.0))
                continue
            if self._clock.speed > 0:
                poller.punctuality.note(late.total_seconds() / self._clock.speed)
            await _through_passing_faults(lambda: poller.observe(device))  # noqa: B023 -- awaited at once
            # Late polls are left out, not made up for; a silent device is not left alone for a whole interval.
            # While the clock stands, an instant is observed once.
            again = timedelta(seconds=max(SILENT_AGAIN_S * self._clock.speed, 1))
            step = min(every, again) if device.device_id in poller.silent else every
            missed = max((self._clock.shown() - due[device.device_id]) // step, 0)
            due[device.device_id] += (missed + 1) * step

    async def _flush(self, poller: LivePoller, stop: threading.Event) -> None:
        """Publish what the lines observed, together; and say from time to time how punctual they were."""
        say_at_s = monotonic_s() + SAY_EVERY_S
        while not stop.is_set():
            await asyncio.sleep(FLUSH_EVERY_S)
            await _through_passing_faults(poller.flush)
            if monotonic_s() >= say_at_s:
                logger.info("devices polled", extra=poller.health())
                say_at_s = monotonic_s() + SAY_EVERY_S
        await _through_passing_faults(poller.flush)

    async def _collect(self, complex_: Complex, lines: Lines, silences: dict[str, str], stop: threading.Event) -> None:
        collector = Collector(complex_, self._clock, self._engine, lines)
        reasons = ChainMap(collector.reasons, silences)
        estimates = Estimates(complex_, self._engine, after=self._rules.estimate_after, reasons=reasons)
        aftermath = Aftermath(complex_, self._engine)
        folder = self._rules.upload_dir
        uploads = (
            None if folder is None else Uploads(ReadingAdmission(complex_, keep=self._rules.keep), self._engine, folder)
        )
        keeper = Keeper(
            complex_.complex_id,
            self._engine,
            readings=self._rules.keep,
            minutes=self._rules.minutes_keep,
            archive_dir=self._rules.archive_dir,
            archive=self._rules.archive_keep,
        )

        def see_to_the_rest() -> None:
            estimates.publish_due(self._clock.now())
            if uploads is not None:
                uploads.take(self._clock.now())
            aftermath.see_to(self._clock.now())
            if keeper.is_due(self._clock.now()):
                keeper.keep(self._clock.now())

        async def collect() -> None:
            await collector.collect()
            # A large complex's files take seconds, for which no device waits.
            await asyncio.to_thread(see_to_the_rest)

        while not stop.is_set():
            await _through_passing_faults(collect)
            # What is still missing waits for a meter that is silent, or whose clock is late.
            next_interval = start_of(number_of(self._clock.shown()) + 1)
            await asyncio.sleep(RETRY_EVERY_S if collector.is_behind() else self._wait_s(next_interval))

    async def _dispatch(self, complex_: Complex, lines: Lines, stop: threading.Event) -> None:
        dispatcher = Dispatcher(complex_, self._clock, self._engine, lines)
        while not stop.is_set():
            await _through_passing_faults(dispatcher.dispatch)
            wait_s = DISPATCH_EVERY_S if dispatcher.pending else DISPATCH_IDLE_S
            if dispatcher.next_due is not None:
                wait_s = min(wait_s, self._wait_s(dispatcher.next_due))
            await asyncio.sleep(wait_s)

    def _wait_s(self, due: datetime, *, least_s: float = WAIT_S_MIN) -> float:
        """Return how long to wait in wall time for an instant of the clock; at most a moment, as clocks may change."""
        if self._clock.speed == 0:
            return WAIT_S_MAX
        wait_s = (due - self._clock.shown()).total_seconds() / self._clock.speed
        return min(max(wait_s, least_s), WAIT_S_MAX)


async def _through_passing_faults(work: Callable[[], Awaitable[None]]) -> None:
    """Do a piece of work; where the database was away for the moment, the next round does it again."""
    try:
        await work()
    except PASSING_FAULTS as fault:
        logger.warning("waiting for the database or the clock", extra={"reason": str(fault)})
        await asyncio.sleep(RETRY_EVERY_S)
