"""What became of the what-if studies."""

from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import EnergyWh, Event, Fact, Identifier, MoneyKrw, Whole


class FeederLimitBroken(Fact):
    """Between a feeder's factories and the grid flowed more than its limit, in so many intervals of the day."""

    feeder_id: Identifier
    direction: Literal["import", "export"]
    limit_w: Whole
    highest_w: Whole
    intervals: Whole


class StudyResult(Fact):
    """One scenario's day: batteries and solar scaled, one tariff option for all ("as-is" keeps each factory's own).

    Feeders' limits bound no plan of a study; `feeder_limits_broken` says where its answer can't be had.
    """

    battery_scale: float
    pv_scale: float
    tariff_option: str
    cost_krw: MoneyKrw
    grid_import_wh: EnergyWh
    grid_export_wh: EnergyWh
    feeder_limits_broken: tuple[FeederLimitBroken, ...] = ()


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
