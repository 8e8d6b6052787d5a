"""Poll every device's present state and publish it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Engine

from services.fems.domain.registers import NotReadable, decode, model, scaled, spans
from services.fems.domain.vendor_models import DISPATCH_MODEL
from services.fems.gateway.line import Lines, NoAnswer
from services.fems.gateway.outbox import emit
from services.fems.gateway.patience import Patience
from shared.clock import Clock
from shared.complexes import Complex, Device
from shared.events.fems import DeviceObserved, MeterKind

logger = logging.getLogger(__name__)

METER, INVERTER, BATTERY = 203, 103, 802
PERCENT = 100


@dataclass(frozen=True, slots=True)
class Live:
    """A device's state; of the two powers one is 0, and only a battery stores."""

    import_w: int
    export_w: int
    stored_wh: int | None = None
    capacity_wh: int | None = None


UNHEARD = Live(0, 0)


class LivePoller:
    """Asks each device of a complex in turn; `silent` says whether one did not answer in the last round."""

    def __init__(self, complex_: Complex, clock: Clock, engine: Engine) -> None:
        self._complex = complex_
        self._clock = clock
        self._engine = engine
        self._lines = Lines()
        self._patience = Patience()
        self._last: dict[str, Live] = {}
        self.silent = False

    async def poll(self) -> None:
        """Ask every device once, and publish what they said in one transaction."""
        observed = [await self._observe(device) for device in self._complex.devices]
        self.silent = not all(event.reachable for event in observed)
        with self._engine.begin() as db:
            findings = [(event, (event.device_id, event.observed_at.isoformat())) for event in observed]
            emit(db, findings, now=self._clock.now())

    def close(self) -> None:
        """Let go of the connections."""
        self._lines.close()

    async def _observe(self, device: Device) -> DeviceObserved:
        reachable = False
        if self._patience.is_due(device.device_id):
            try:
                self._last[device.device_id] = await self._ask(device)
                reachable = True
            except (NoAnswer, NotReadable) as fault:
                if self._patience.failed(device.device_id, fault):
                    logger.warning("device is silent", extra=self._facts(device) | {"reason": str(fault)})
        if reachable and self._patience.answered(device.device_id):
            logger.info("device answers again", extra=self._facts(device))
        live = self._last.get(device.device_id, UNHEARD)
        return observation(self._complex.complex_id, device, live, at=self._clock.now(), reachable=reachable)

    async def _ask(self, device: Device) -> Live:
        line = self._lines.to(device)
        models = await line.models(device.unit_id)
        wanted = points_of(device.kind, models)
        registers: dict[int, int] = {}
        for address, count in spans(
            (models[m] + model(m).points[p].offset, model(m).points[p].size) for m, p in wanted
        ):
            words = await line.read(device.unit_id, address, count)
            registers.update(zip(range(address, address + count), words, strict=True))
        return live_from(device.kind, models, registers)

    def _facts(self, device: Device) -> dict[str, str]:
        return {"complex_id": self._complex.complex_id, "device_id": device.device_id}


def points_of(kind: MeterKind, models: Mapping[int, int]) -> list[tuple[int, str]]:
    """Return the points that a device's state is made of, as (model, point).

    Raises:
        NotReadable: The device has not the model it would need.
    """
    power = METER if kind is MeterKind.GRID else INVERTER
    wanted = [(power, "W"), (power, "W_SF")]
    if kind is MeterKind.ESS:
        # Exact energy where the converter tells it, else the standard's percentage.
        wanted += [(DISPATCH_MODEL, "WhSto"), (DISPATCH_MODEL, "WhCap")] if DISPATCH_MODEL in models else []
        wanted += [] if DISPATCH_MODEL in models else [(BATTERY, name) for name in _BATTERY_POINTS]
    missing = sorted({model_id for model_id, _ in wanted if model_id not in models})
    if missing:
        raise NotReadable(f"the device has no model {missing[0]}")
    return wanted


_BATTERY_POINTS = ("WHRtg", "WHRtg_SF", "SoC", "SoC_SF")


def live_from(kind: MeterKind, models: Mapping[int, int], registers: Mapping[int, int]) -> Live:
    """Return a device's state from its registers by address.

    Raises:
        NotReadable: A register holds no number, or a scale factor is nonsense.
    """

    def raw(model_id: int, name: str) -> int:
        point = model(model_id).points[name]
        address = models[model_id] + point.offset
        return decode(point, [registers[place] for place in range(address, address + point.size)])

    def number(model_id: int, name: str, scale: str) -> float:
        return scaled(raw(model_id, name), raw(model_id, scale))

    if kind is MeterKind.GRID:
        import_w = round(number(METER, "W", "W_SF"))
        return Live(max(import_w, 0), max(-import_w, 0))
    export_w = round(number(INVERTER, "W", "W_SF"))
    if kind is MeterKind.PV:
        return Live(max(-export_w, 0), max(export_w, 0))
    if DISPATCH_MODEL in models:
        stored_wh, capacity_wh = raw(DISPATCH_MODEL, "WhSto"), raw(DISPATCH_MODEL, "WhCap")
    else:
        capacity_wh = round(number(BATTERY, "WHRtg", "WHRtg_SF"))
        stored_wh = round(capacity_wh * number(BATTERY, "SoC", "SoC_SF") / PERCENT)
    return Live(max(-export_w, 0), max(export_w, 0), stored_wh, capacity_wh)


def observation(complex_id: str, device: Device, live: Live, *, at: datetime, reachable: bool) -> DeviceObserved:
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
        reachable=reachable,
    )
