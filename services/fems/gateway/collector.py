"""Fetch the meters' own records of completed intervals and publish each once, in order: store and forward."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from services.fems import store
from services.fems.domain.numbering import INTERVAL_S, INTERVALS_PER_WEEK, number_of, start_of
from services.fems.domain.registers import READ_REGISTERS_MAX, NotReadable, decode, model
from services.fems.domain.vendor_models import PROFILE_MODEL
from services.fems.gateway.line import Lines, NoAnswer
from services.fems.gateway.outbox import emit
from services.fems.gateway.patience import Patience
from shared.clock import Clock
from shared.complexes import Complex, Device
from shared.events.base import Event
from shared.events.fems import IntervalMetered, Quality

logger = logging.getLogger(__name__)

Energies = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Metered:
    """A meter's energy in one interval, and how it was come by."""

    number: int
    import_wh: int
    export_wh: int
    quality: Quality


class Collector:
    """Keeps the published intervals of a complex's meters up with time."""

    def __init__(self, complex_: Complex, clock: Clock, engine: Engine) -> None:
        self._complex = complex_
        self._clock = clock
        self._engine = engine
        self._lines = Lines()
        self._patience = Patience()
        self._next: dict[str, int] = {}

    def _start(self) -> None:
        """Find where each meter's publication stands; a new meter begins with the running interval."""
        meter_ids = [device.device_id for device in self._complex.devices]
        running = start_of(number_of(self._clock.now()))
        with self._engine.begin() as db:
            store.start_meters(db, self._complex.complex_id, meter_ids, running)
            found = store.next_starts(db, self._complex.complex_id)
        self._next = {meter_id: number_of(found[meter_id]) for meter_id in meter_ids}

    def is_behind(self) -> bool:
        """Say whether an interval has ended that is not published for every meter."""
        return not self._next or min(self._next.values()) < number_of(self._clock.now())

    async def collect(self) -> None:
        """Fetch what is missing from every meter that answers, and publish it in one transaction."""
        if not self._next:
            self._start()
        running = number_of(self._clock.now())
        findings: list[tuple[Event, tuple[object, ...]]] = []
        reached: dict[str, int] = {}
        for device in self._complex.devices:
            first = self._next[device.device_id]
            if first >= running or not self._patience.is_due(device.device_id):
                continue
            energies = await self._fetch(device, first, running)
            sequence = in_sequence(energies, first, running)
            for one in sequence:
                event = event_of(self._complex.complex_id, device, one)
                findings.append((event, (event.meter_id, event.delivery_start.isoformat())))
            if sequence:
                reached[device.device_id] = sequence[-1].number + 1
            self._say_what_is_lost(device, sequence)
        if findings:
            with self._engine.begin() as db:
                emit(db, findings, now=self._clock.now())
                ends = {meter_id: start_of(number) for meter_id, number in reached.items()}
                store.advance_meters(db, self._complex.complex_id, ends)
            self._next |= reached

    def close(self) -> None:
        """Let go of the connections."""
        self._lines.close()

    def _say_what_is_lost(self, device: Device, sequence: Sequence[Metered]) -> None:
        lost = [one.number for one in sequence if one.quality is Quality.ESTIMATED]
        if lost:
            facts = {"complex_id": self._complex.complex_id, "meter_id": device.device_id}
            span = {"first_start": start_of(lost[0]).isoformat(), "intervals": len(lost)}
            logger.error("meter has forgotten intervals before they were read; estimated", extra=facts | span)

    async def _fetch(self, device: Device, first: int, running: int) -> Energies:
        """Return a meter's records from interval `first` on; none where it does not answer."""
        try:
            energies = await self._read_back_to(device, first, running)
        except (NoAnswer, NotReadable) as fault:
            if self._patience.failed(device.device_id, fault):
                facts = {"complex_id": self._complex.complex_id, "meter_id": device.device_id}
                logger.warning("load profile was not read", extra=facts | {"reason": str(fault)})
            return {}
        self._patience.answered(device.device_id)
        return energies

    async def _read_back_to(self, device: Device, first: int, running: int) -> Energies:
        """Read the profile, newest first, in as few messages as it takes to come to interval `first`."""
        line = self._lines.to(device)
        models = await line.models(device.unit_id)
        if PROFILE_MODEL not in models:
            raise NotReadable(f"the device has no model {PROFILE_MODEL}")
        layout = model(PROFILE_MODEL)
        per_read = READ_REGISTERS_MAX // layout.record_size
        energies: dict[int, tuple[int, int]] = {}
        index = 0
        while index < layout.records and (not energies or min(energies) > first):
            wanted = running - first if not energies else min(energies) - first
            count = min(per_read, wanted, layout.records - index)
            address = models[PROFILE_MODEL] + layout.record_offset + index * layout.record_size
            words = await line.read(device.unit_id, address, count * layout.record_size)
            found = records_in(words)
            energies |= found
            if len(found) < count:
                break
            index += count
        return energies


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


def event_of(complex_id: str, device: Device, metered: Metered) -> IntervalMetered:
    """Return the event of a meter's interval."""
    return IntervalMetered(
        complex_id=complex_id,
        meter_id=device.device_id,
        participant_id=device.participant_id,
        meter_kind=device.kind,
        delivery_start=start_of(metered.number),
        import_wh=metered.import_wh,
        export_wh=metered.export_wh,
        quality=metered.quality,
    )
