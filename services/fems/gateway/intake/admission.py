"""The rules for readings that people and other systems hand in, whatever the road: checked like a meter's own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from services.fems.domain.interval_numbers import number_of, start_of
from services.fems.domain.metering.counting import MARGIN_PERCENT, CounterLimits, Flag
from services.fems.gateway.publishing import Metered
from services.fems.gateway.ratings import limits_of
from shared.complex.model import Complex, Device
from shared.errors import BadInput
from shared.events.base import INT64_MAX
from shared.events.fems import Quality
from shared.intervals import INTERVAL, INTERVALS_PER_HOUR, is_delivery_start
from shared.units import scaled_integer

REQUIRED = ("meter_id", "start_utc", "import_kwh")
OPTIONAL = ("export_kwh", "quality")
# For how long published readings are kept, and may be corrected.
KEEP = timedelta(days=400)


class ReadingAdmission:
    """Where one complex's readings are handed in."""

    def __init__(self, complex_: Complex, *, keep: timedelta = KEEP) -> None:
        self._keep = keep
        self.complex_id = complex_.complex_id
        self.devices = {device.device_id: device for device in complex_.field_devices}
        self._limits = {device.device_id: limits_of(complex_, device) for device in complex_.field_devices}

    def checked(self, row: Mapping[str, str], *, where: str, now: datetime) -> tuple[Device, Metered]:
        """Return a reading with its meter; `row` has the text of every field, "" where it is not given.

        Raises:
            BadInput: It breaks a rule.
        """
        device, one = _metered(row, self.devices, self._limits, where=where, now=now)
        if start_of(one.number) < now - self._keep:
            rule = f"must be of the last {self._keep.days} days, for which published readings are kept"
            raise BadInput(where=where, field="start_utc", rule=rule, value=row["start_utc"])
        return device, one


def _metered(
    row: Mapping[str, str],
    devices: Mapping[str, Device],
    limits: Mapping[str, CounterLimits],
    *,
    where: str,
    now: datetime,
) -> tuple[Device, Metered]:
    device = devices.get(row["meter_id"])
    if device is None:
        rule = "must be a meter of the complex"
        raise BadInput(where=where, field="meter_id", rule=rule, value=row["meter_id"])
    start = _start(row["start_utc"], where=where, now=now)
    import_wh = _energy_wh(row["import_kwh"], where=where, field="import_kwh")
    export_wh = _energy_wh(row["export_kwh"] or "0", where=where, field="export_kwh")
    known = [Quality.EDITED.value, Quality.MEASURED.value, Quality.ESTIMATED.value]
    if row["quality"] not in ("", *known):
        raise BadInput(where=where, field="quality", rule=f"must be one of {known}", value=row["quality"])
    most = limits[device.device_id]
    too_much = (
        import_wh * INTERVALS_PER_HOUR * 100 > most.import_w_max * MARGIN_PERCENT
        or export_wh * INTERVALS_PER_HOUR * 100 > most.export_w_max * MARGIN_PERCENT
    )
    if too_much:
        rule = f"must be what the connection can carry ({most.import_w_max} W in, {most.export_w_max} W out)"
        raise BadInput(where=where, field="import_kwh", rule=rule, value=f"{row['import_kwh']}, {row['export_kwh']}")
    quality = Quality(row["quality"] or Quality.EDITED)
    flags = frozenset({Flag.UPLOADED})
    return device, Metered(number_of(start), import_wh, export_wh, quality, flags)


def _start(text: str, *, where: str, now: datetime) -> datetime:
    try:
        start = datetime.fromisoformat(text)
        known = start.tzinfo is not None and is_delivery_start(start) and start + INTERVAL <= now
    except (ValueError, OverflowError):
        known = False
    if not known:
        rule = "must be a quarter hour that has ended, ISO 8601 with offset"
        raise BadInput(where=where, field="start_utc", rule=rule, value=text)
    return start


def _energy_wh(text: str, *, where: str, field: str) -> int:
    try:
        number = Decimal(text)
        energy_wh = (
            scaled_integer(number, 3) if number.is_finite() and abs(number.adjusted()) < len(str(INT64_MAX)) else None
        )
    except InvalidOperation:
        energy_wh = None
    if energy_wh is None or energy_wh < 0:
        rule = "must be a number >= 0 kWh with at most 3 decimals"
        raise BadInput(where=where, field=field, rule=rule, value=text)
    return energy_wh
