"""Poll every device's present state, watch it, count its energy, and publish what came of it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Engine

from services.fems import store
from services.fems.domain.metering.counting import Closed, Count, Flag, Sample
from services.fems.domain.metering.minutes import Minute, RunningMinute
from services.fems.domain.metering.minutes import advance as minutes_after
from services.fems.domain.metering.plausibility import PowerWatch, watched
from services.fems.domain.registers.own_map import points_in
from services.fems.domain.registers.sunspec import COMMON_MODEL, NotReadable, model
from services.fems.domain.registers.vendor_models import PROFILE_MODEL
from services.fems.gateway.backoff import Patience
from services.fems.gateway.connection import NoAnswer
from services.fems.gateway.counting import Counts
from services.fems.gateway.lateness import Punctuality
from services.fems.gateway.modbus import Line, Lines, odd_answers_not_readable
from services.fems.gateway.outbox import emit
from services.fems.gateway.publishing import metered_from, publish
from services.fems.gateway.ratings import limits_of
from services.fems.gateway.states import Live, live_from, live_from_map, points_of
from shared.clock import Clock
from shared.complex.model import Complex, Device
from shared.complex.register_maps import RegisterMap
from shared.db.engine import reading
from shared.events.fems import DeviceObserved, MeterKind

logger = logging.getLogger(__name__)

UNHEARD = Live(0, 0)
OBSERVED_MAX = 20_000
WORST = 10


@dataclass
class _Seen:
    """What is known of a device from before."""

    live: Live = UNHEARD
    serial: str | None = None
    watch: PowerWatch | None = None


class LivePoller:
    """Asks the devices of a complex.

    Attributes:
        silent: Those that did not answer when last asked, or not sensibly.
        failures: How often each device failed in which way.
        reasons: Why devices did not answer when last asked, by device.
    """

    def __init__(self, complex_: Complex, clock: Clock, engine: Engine, lines: Lines) -> None:
        self._complex = complex_
        self._clock = clock
        self._engine = engine
        self._lines = lines
        self._patience = Patience()
        self.reasons = self._patience.reasons
        self._seen = {device.device_id: _Seen() for device in complex_.field_devices}
        self._limits = {device.device_id: limits_of(complex_, device) for device in complex_.field_devices}
        self._counts: Counts | None = None
        self._known_minute: datetime | None = None
        self._observed: list[DeviceObserved] = []
        self._closed: list[tuple[Device, list[Closed]]] = []
        self._running: dict[str, RunningMinute] = {}
        self._minutes: list[tuple[str, Minute]] = []
        self.silent: set[str] = set()
        self.failures: dict[str, Counter[str]] = {device.device_id: Counter() for device in complex_.field_devices}
        self.punctuality = Punctuality()

    async def poll(self) -> None:
        """Ask every device once, the lines side by side, and publish what they said in one transaction."""

        async def in_turn(devices: Sequence[Device]) -> None:
            for device in devices:
                await self.observe(device)

        await asyncio.gather(*map(in_turn, self._complex.devices_by_address.values()))
        await self.flush()

    async def observe(self, device: Device) -> None:
        """Ask one device; what it says is published with the next `flush`."""
        seen = self._seen[device.device_id]
        reachable, flags = False, frozenset[Flag]()
        if self._patience.is_due(device.device_id):
            try:
                flags = await self._ask(device, seen)
                if not seen.live.tells_power and device.kind is not MeterKind.PV:
                    # An inverter that sleeps gives nothing; of others it is not known what flows.
                    flags |= {Flag.NO_POWER}
                reachable = True
            except (NoAnswer, NotReadable) as fault:
                self.failures[device.device_id][fault.kind] += 1
                if self._patience.failed(device.device_id, fault):
                    logger.warning("device is silent", extra=self._facts(device) | {"reason": str(fault)})
        if reachable and self._patience.answered(device.device_id):
            logger.info(
                "device answers again", extra=self._facts(device) | {"failures": self.failures[device.device_id]}
            )
        (self.silent.discard if reachable else self.silent.add)(device.device_id)
        at = self._clock.now()
        complex_id = self._complex.complex_id
        self._observed.append(observation(complex_id, device, seen.live, at=at, reachable=reachable, flags=flags))

    async def flush(self) -> None:
        """Publish what was observed and counted since the last time, in one transaction; no device waits for it."""
        if not self._observed:
            return
        # Without a database the newest states are kept; intervals are all kept.
        del self._observed[:-OBSERVED_MAX], self._minutes[:-OBSERVED_MAX]
        observed, closed, minutes = self._observed, self._closed, self._minutes
        self._observed, self._closed, self._minutes = [], [], []
        counts = self._counts.snapshot() if self._counts is not None and closed else {}
        try:
            await asyncio.to_thread(self._write, observed, closed, counts, minutes)
        except BaseException:
            self._observed, self._closed = observed + self._observed, closed + self._closed
            self._minutes = minutes + self._minutes
            raise

    def _write(
        self,
        observed: list[DeviceObserved],
        closed: list[tuple[Device, list[Closed]]],
        counts: Mapping[str, Count],
        minutes: list[tuple[str, Minute]],
    ) -> None:
        complex_id, now = self._complex.complex_id, self._clock.now()
        with self._engine.begin() as db:
            emit(db, [(event, (event.device_id, event.observed_at.isoformat())) for event in observed], now=now)
            for device, intervals in closed:
                publish(db, complex_id, device, [metered_from(interval) for interval in intervals], now=now)
            store.save_counts(db, complex_id, counts)
            store.save_minutes(db, complex_id, minutes)

    async def _ask(self, device: Device, seen: _Seen) -> frozenset[Flag]:
        line = self._lines.to(device)
        if device.register_map is not None:
            with odd_answers_not_readable():
                live = await live_by_map(line, device.unit_id, device.register_map)
            seen.live = live.reversed() if device.reversed else live
            return self._judge(device, seen, seen.live, remembers=False)
        with odd_answers_not_readable():
            models = await line.models(device.unit_id, device.instance)
            wanted = points_of(device.kind, models)
            places = [(models[m] + model(m).points[p].offset, model(m).points[p].size) for m, p in wanted]
            live = live_from(device.kind, models, await line.registers(device.unit_id, places))
            live = live.reversed() if device.reversed else live
            seen.live = live
            went_back = _went_back(seen.watch, live)
            if live.counters is not None and (seen.serial is None or went_back):
                seen.serial = await _serial(line, device.unit_id, models)
        return self._judge(device, seen, live, remembers=PROFILE_MODEL in models)

    def _judge(self, device: Device, seen: _Seen, live: Live, *, remembers: bool) -> frozenset[Flag]:
        counters = live.counters
        if counters is None:
            return frozenset()
        limits = self._limits[device.device_id].with_counters(counters.import_range, counters.export_range)
        power = (live.import_w, live.export_w)
        sample = Sample(self._clock.now(), counters.import_wh, counters.export_wh, *power, seen.serial or "")
        before = frozenset() if seen.watch is None else seen.watch.flags
        seen.watch = watched(seen.watch, sample, limits)
        if seen.watch.flags - before:
            found = sorted(seen.watch.flags)
            logger.warning("device shows something odd", extra=self._facts(device) | {"flags": found})
        self._running[device.device_id], done = minutes_after(self._running.get(device.device_id), sample, limits)
        self._minutes += [(device.device_id, one) for one in done if one.start > self._newest_minute()]
        if not remembers:
            closed = self._all_counts().take(device.device_id, sample, limits)
            if closed:
                self._closed.append((device, closed))
        return seen.watch.flags

    def _all_counts(self) -> Counts:
        if self._counts is None:
            with reading(self._engine) as db:
                self._counts = Counts(store.load_counts(db, self._complex.complex_id))
        return self._counts

    def _newest_minute(self) -> datetime:
        """Return the newest minute from before this process began: a simulated clock may go back."""
        if self._known_minute is None:
            with reading(self._engine) as db:
                newest = store.newest_minute(db, self._complex.complex_id)
            self._known_minute = newest or datetime.min.replace(tzinfo=UTC)
        return self._known_minute

    def health(self) -> dict[str, object]:
        """Return how punctual polls were since this was last asked, and the ten devices that failed most often."""
        worst = sorted(self.failures, key=lambda device_id: (-self.failures[device_id].total(), device_id))[:WORST]
        failures = {device_id: dict(self.failures[device_id]) for device_id in worst if self.failures[device_id]}
        return {**self.punctuality.told(), "silent": len(self.silent), "failures": failures}

    def _facts(self, device: Device) -> dict[str, object]:
        return {"complex_id": self._complex.complex_id, "device_id": device.device_id}


async def live_by_map(line: Line, unit_id: int, map_: RegisterMap) -> Live:
    """Read a meter's state by its own map.

    Raises:
        NoAnswer: It gave none.
        NotReadable: A register holds no number.
    """
    places = [(point.address, point.size) for point in points_in(map_)]
    return live_from_map(map_, await line.registers(unit_id, places, table=map_.table))


def _went_back(watch: PowerWatch | None, live: Live) -> bool:
    """Say whether a counter shows less than before: it may be another meter."""
    if watch is None or live.counters is None:
        return False
    return live.counters.import_wh < watch.last.import_wh or live.counters.export_wh < watch.last.export_wh


async def _serial(line: Line, unit_id: int, models: dict[int, int]) -> str:
    if COMMON_MODEL not in models:
        return ""
    point = model(COMMON_MODEL).points["SN"]
    words = await line.read(unit_id, models[COMMON_MODEL] + point.offset, point.size)
    return b"".join(word.to_bytes(2) for word in words).rstrip(b"\0 ").decode(errors="replace")


def observation(
    complex_id: str, device: Device, live: Live, *, at: datetime, reachable: bool, flags: frozenset[Flag] = frozenset()
) -> DeviceObserved:
    """Return the event of a device's state."""
    return DeviceObserved(
        complex_id=complex_id,
        device_id=device.device_id,
        participant_id=device.participant_id,
        meter_kind=device.kind,
        observed_at=at,
        import_w=live.import_w,
        export_w=live.export_w,
        soc_wh=live.stored_wh,
        capacity_wh=live.capacity_wh,
        soh_permille=live.soh_permille,
        reachable=reachable,
        flags=tuple(sorted(flags)),
    )
