"""Fetch the meters' own records of completed intervals and publish each once, in order: store and forward."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Engine

from services.fems import store
from services.fems.domain.interval_numbers import epoch_s, number_of, start_of
from services.fems.domain.metering.counting import MARGIN_PERCENT, CounterLimits, Flag
from services.fems.domain.registers.sunspec import READ_REGISTERS_MAX, NotReadable, decode, model
from services.fems.domain.registers.vendor_models import PROFILE_MODEL
from services.fems.gateway.backoff import Patience
from services.fems.gateway.connection import NoAnswer
from services.fems.gateway.modbus import Lines, odd_answers_not_readable
from services.fems.gateway.publishing import Metered, publish
from services.fems.gateway.ratings import limits_of
from services.fems.gateway.states import points_of
from shared.clock import Clock
from shared.complex.model import Complex, Device
from shared.events.fems import Quality
from shared.intervals import INTERVAL_S, INTERVALS_PER_HOUR, INTERVALS_PER_WEEK

logger = logging.getLogger(__name__)

Energies = Mapping[int, tuple[int, int]]
# A meter's clock may be off by half a minute; in a simulated day reading it takes simulated seconds.
DRIFT_S_MAX, DRIFT_WALL_S_MAX = 30, 1.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a meter remembers: (import, export) by interval, and how far its clock is ahead."""

    energies: Energies
    drift_s: int | None


class Collector:
    """Keeps the published intervals of a complex's meters up with time.

    Attributes:
        reasons: Why memories were not read when last asked for, by meter.
    """

    def __init__(self, complex_: Complex, clock: Clock, engine: Engine, lines: Lines) -> None:
        self._complex = complex_
        self._clock = clock
        self._engine = engine
        self._lines = lines
        self._patience = Patience()
        self.reasons = self._patience.reasons
        self._limits = {device.device_id: limits_of(complex_, device) for device in complex_.field_devices}
        self._next: dict[str, int] = {}
        self._off: set[str] = set()
        self._started = False

    def _start(self) -> None:
        """Find where each meter's publication stands; a new meter begins with the running interval."""
        devices = self._complex.field_devices
        running = start_of(number_of(self._clock.now()))
        with self._engine.begin() as db:
            store.start_meters(db, self._complex.complex_id, [device.device_id for device in devices], running)
            found = store.next_starts(db, self._complex.complex_id)
        remembering = [device.device_id for device in devices if device.register_map is None]
        self._next = {meter_id: number_of(found[meter_id]) for meter_id in remembering}
        self._started = True

    def is_behind(self) -> bool:
        """Say whether an interval has ended that is not published for every meter."""
        return not self._started or any(first < number_of(self._clock.shown()) for first in self._next.values())

    async def collect(self) -> None:
        """Fetch what is missing from every meter that answers, and publish it in one transaction."""
        if not self._started:
            self._start()
        running = number_of(self._clock.now())
        fetched: list[tuple[Device, list[Metered]]] = []

        async def in_turn(devices: Sequence[Device]) -> None:
            for device in devices:
                first = self._next.get(device.device_id, running)
                if first < running and self._patience.is_due(device.device_id):
                    sequence = await self._sequence(device, first, running)
                    fetched.extend([(device, sequence)] if sequence else [])

        await asyncio.gather(*map(in_turn, self._complex.devices_by_address.values()))
        if fetched:
            # At a quarter hour's end every meter has one, which takes a large complex's database a second or two.
            self._next |= await asyncio.to_thread(self._publish, fetched)

    def _publish(self, fetched: Sequence[tuple[Device, Sequence[Metered]]]) -> dict[str, int]:
        """Publish what was fetched, and return the next interval by meter."""
        complex_id, now = self._complex.complex_id, self._clock.now()
        reached = {device.device_id: sequence[-1].number + 1 for device, sequence in fetched}
        with self._engine.begin() as db:
            for device, sequence in fetched:
                publish(db, complex_id, device, sequence, now=now)
            ends = {meter_id: start_of(number) for meter_id, number in reached.items()}
            store.advance_meters(db, complex_id, ends)
        return reached

    async def _sequence(self, device: Device, first: int, running: int) -> list[Metered]:
        """Return a meter's completed intervals from `first` on, validated."""
        profile = await self._fetch(device, first, running)
        if profile is None:
            return []
        sequence = in_sequence(profile.energies, first, running)
        self._say_what_is_lost(device, sequence)
        sequence = without_spikes(sequence, self._limits[device.device_id])
        if sequence and self._is_off(device, profile.drift_s):
            sequence = [replace(one, flags=one.flags | {Flag.CLOCK_DRIFT}) for one in sequence]
        return sequence

    def _is_off(self, device: Device, drift_s: int | None) -> bool:
        """Say whether a meter's clock is wrong, and log when it becomes so."""
        most_s = max(DRIFT_S_MAX, DRIFT_WALL_S_MAX * self._clock.speed)
        if drift_s is None or abs(drift_s) <= most_s:
            self._off.discard(device.device_id)
            return False
        if device.device_id not in self._off:
            facts = {"complex_id": self._complex.complex_id, "meter_id": device.device_id, "ahead_s": drift_s}
            logger.warning("meter's clock is wrong", extra=facts)
            self._off.add(device.device_id)
        return True

    def _say_what_is_lost(self, device: Device, sequence: Sequence[Metered]) -> None:
        lost = [one.number for one in sequence if one.quality is Quality.ESTIMATED]
        if lost:
            facts = {"complex_id": self._complex.complex_id, "meter_id": device.device_id}
            span = {"first_start": start_of(lost[0]).isoformat(), "intervals": len(lost)}
            logger.error("meter has forgotten intervals before they were read; estimated", extra=facts | span)

    async def _fetch(self, device: Device, first: int, running: int) -> Profile | None:
        """Return a meter's records from interval `first` on; None where it does not answer, or remembers nothing."""
        try:
            with odd_answers_not_readable():
                models = await self._lines.to(device).models(device.unit_id, device.instance)
                # Whatever lacks its kind's models is another device, whose memory must not be taken for this one's.
                points_of(device.kind, models)
                if PROFILE_MODEL not in models:
                    # Its intervals are counted by the poller.
                    self._next.pop(device.device_id, None)
                    return None
                profile = await self._read_back_to(device, models[PROFILE_MODEL], first, running)
        except (NoAnswer, NotReadable) as fault:
            if self._patience.failed(device.device_id, fault):
                facts = {"complex_id": self._complex.complex_id, "meter_id": device.device_id}
                logger.warning("load profile was not read", extra=facts | {"reason": str(fault)})
            return None
        self._patience.answered(device.device_id)
        return profile

    async def _read_back_to(self, device: Device, start: int, first: int, running: int) -> Profile:
        """Read the profile, newest first, in as few messages as it takes to come to interval `first`."""
        line = self._lines.to(device)
        layout = model(PROFILE_MODEL)
        drift_s = await self._drift_s(device, start)
        per_read = READ_REGISTERS_MAX // layout.record_size
        energies: dict[int, tuple[int, int]] = {}
        index = 0
        while index < layout.records and (not energies or min(energies) > first):
            wanted = running - first if not energies else min(energies) - first
            count = min(per_read, wanted, layout.records - index)
            address = start + layout.record_offset + index * layout.record_size
            words = await line.read(device.unit_id, address, count * layout.record_size)
            found = records_in(words)
            if device.reversed:
                found = {number: (export_wh, import_wh) for number, (import_wh, export_wh) in found.items()}
            energies |= found
            if len(found) < count:
                break
            index += count
        return Profile(energies, drift_s)

    async def _drift_s(self, device: Device, start: int) -> int | None:
        """Return how far a meter's clock is ahead; None for one that does not tell its time."""
        clock = model(PROFILE_MODEL).points["Clk"]
        words = await self._lines.to(device).read(device.unit_id, start + clock.offset, clock.size)
        clock_s = decode(clock, words)
        return None if clock_s == 0 else clock_s - epoch_s(self._clock.now())


def records_in(words: list[int]) -> Energies:
    """Return (import, export) by interval from a profile's registers; records not filled yet are left out.

    Raises:
        NotReadable: A record does not start on a quarter hour.
    """
    layout = model(PROFILE_MODEL)
    found: dict[int, tuple[int, int]] = {}
    for at in range(0, len(words), layout.record_size):
        record = words[at : at + layout.record_size]
        start_s, import_wh, export_wh = (
            decode(point, record[point.offset : point.offset + point.size]) for point in layout.record.values()
        )
        if start_s == 0:
            continue
        if start_s % INTERVAL_S:
            raise NotReadable(f"a record must start on a quarter hour, started at {start_s}")
        found[start_s // INTERVAL_S] = (import_wh, export_wh)
    return found


def in_sequence(energies: Energies, first: int, running: int) -> list[Metered]:
    """Return the completed intervals from `first` on up to the first gap, at most a week of them.

    What a meter has forgotten before it was read is estimated by what it measured weeks later at the same hour of the
    same weekday (its memory holds a week), which keeps a factory's meters in balance; without that, by nothing.
    """
    known = [number for number in energies if first <= number < running]
    if not known:
        return []
    found: list[Metered] = []
    for number in range(first, min(running, first + INTERVALS_PER_WEEK)):
        if number in energies:
            found.append(Metered(number, *energies[number], Quality.MEASURED))
        elif number < min(known):
            alike = [other for other in known if (other - number) % INTERVALS_PER_WEEK == 0]
            found.append(Metered(number, *(energies[min(alike)] if alike else (0, 0)), Quality.ESTIMATED))
        else:
            break
    return found


def without_spikes(sequence: Sequence[Metered], limits: CounterLimits) -> list[Metered]:
    """Return a sequence in which what the connection can't carry is replaced by the mean of its neighbours.

    Without a believable neighbour nothing is known, and 0 stands for it.
    """
    import_wh_max = limits.import_w_max * MARGIN_PERCENT // 100 // INTERVALS_PER_HOUR
    export_wh_max = limits.export_w_max * MARGIN_PERCENT // 100 // INTERVALS_PER_HOUR
    believable = [one.import_wh <= import_wh_max and one.export_wh <= export_wh_max for one in sequence]
    found = []
    for position, one in enumerate(sequence):
        if believable[position]:
            found.append(one)
            continue
        before = next((sequence[n] for n in range(position - 1, -1, -1) if believable[n]), None)
        after = next((sequence[n] for n in range(position + 1, len(sequence)) if believable[n]), None)
        beside = [other for other in (before, after) if other is not None]
        import_wh = sum(other.import_wh for other in beside) // max(len(beside), 1)
        export_wh = sum(other.export_wh for other in beside) // max(len(beside), 1)
        quality = Quality.ESTIMATED if beside else Quality.MISSING
        found.append(Metered(one.number, import_wh, export_wh, quality, one.flags | {Flag.SPIKE}))
    return found
