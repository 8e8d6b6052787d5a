"""A study's day from meter readings: what each factory consumed and its roofs gave."""

from collections.abc import Iterable
from datetime import date

import numpy as np

from services.planner.domain.scenarios import AS_IS, Scenario
from services.planner.domain.sites import SiteDay
from services.planner.domain.tariffs import day_tariff
from shared import units
from shared.arrays import Floats
from shared.complex.model import Complex
from shared.errors import BadInput
from shared.events.fems import MeterKind
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, delivery_starts
from shared.metering.history import CONSUMPTION_SIGNS, MeterReading
from shared.reference.load import sell_back, tariff_book

KW_PER_WH = units.power_kw(1 / units.WH_PER_KWH, INTERVAL)


def site_days(
    readings: Iterable[MeterReading], complex_: Complex, day: date, scenarios: Iterable[Scenario]
) -> list[SiteDay]:
    """Return a Korean day as a study of these scenarios needs it, a site a participant.

    Args:
        readings: All of the day, and of no other.
        complex_: Whose day.
        day: The day.
        scenarios: What will be asked of it: their tariff options.

    Raises:
        BadInput: A meter has gaps on that day, or the tariff knows nothing of it or of an option.
    """
    metered_wh = _metered_wh(readings, complex_, day)
    options = {scenario.tariff_option for scenario in scenarios}
    sites = []
    for participant in complex_.participants:
        tariffs = {
            option: day_tariff(
                tariff_book(),
                sell_back(complex_.sell_back),
                participant.contract,
                option=None if option == AS_IS else option,
                day=day,
            )
            for option in sorted(options)
        }
        meters = [
            (metered_wh[device.device_id], device.kind)
            for device in complex_.devices
            if device.participant_id == participant.participant_id
        ]
        consumed_wh = sum(wh @ np.array(CONSUMPTION_SIGNS[kind], dtype=np.float64) for wh, kind in meters)
        made_wh = sum((wh[:, 1] for wh, kind in meters if kind is MeterKind.PV), np.zeros(INTERVALS_PER_DAY))
        sites.append(
            SiteDay(
                participant_id=participant.participant_id,
                # Clocks of meters differ by seconds, so a sum may come out below zero.
                load_kw=np.maximum(consumed_wh, 0.0) * KW_PER_WH,
                pv_kw=made_wh * KW_PER_WH,
                batteries=participant.ess,
                tariffs=tariffs,
            )
        )
    return sites


def _metered_wh(readings: Iterable[MeterReading], complex_: Complex, day: date) -> dict[str, Floats]:
    """Return each meter's import and export [Wh], (96 x 2)."""
    slot_of = {start: slot for slot, start in enumerate(delivery_starts(day))}
    metered = {device.device_id: np.full((INTERVALS_PER_DAY, 2), np.nan) for device in complex_.devices}
    for reading in readings:
        if reading.meter_id in metered:
            metered[reading.meter_id][slot_of[reading.delivery_start]] = reading.import_wh, reading.export_wh
    for meter_id, wh in metered.items():
        known = int(np.count_nonzero(np.isfinite(wh[:, 0])))
        if known < INTERVALS_PER_DAY:
            rule = f"must be metered in all {INTERVALS_PER_DAY} intervals of {day}"
            raise BadInput(where="study", field=f"trading_day: {meter_id}", rule=rule, value=known)
    return metered
