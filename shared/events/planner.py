"""What became of the what-if studies."""

from typing import Annotated

from pydantic import Field

from shared.events.base import EnergyWh, Event, Fact, Identifier, MoneyKrw, Whole


class StudyResult(Fact):
    """One scenario's day: batteries and solar scaled, one tariff option for all ("as-is" keeps each factory's own)."""

    battery_scale: float
    pv_scale: float
    tariff_option: str
    cost_krw: MoneyKrw
    grid_import_wh: EnergyWh
    grid_export_wh: EnergyWh


class StudyProgressed(Event):
    """So many of a study's scenarios are done."""

    study_id: Identifier
    done: Whole
    total: Annotated[Whole, Field(ge=1)]


class StudyCompleted(Event):
    """A study's answer, a row a scenario, in the order asked."""

    study_id: Identifier
    results: tuple[StudyResult, ...]


class StudyFailed(Event):
    """A study ended without an answer. `reason` is for the person who asked."""

    study_id: Identifier
    reason: str
