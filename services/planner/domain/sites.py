"""One factory's metered day: what a study starts from."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.planner.domain.tariffs import DayTariff
from shared.arrays import Floats
from shared.complex.model import Ess


@dataclass(frozen=True, slots=True, eq=False)
class SiteDay:
    """A factory's metered day and what it is made of.

    Attributes:
        participant_id: Whose day.
        load_kw: Consumption without solar and battery, a value an interval.
        pv_kw: Solar output as metered.
        batteries: As built.
        tariffs: The day's prices by the option's name in the scenarios.
    """

    participant_id: str
    load_kw: Floats
    pv_kw: Floats
    batteries: tuple[Ess, ...]
    tariffs: Mapping[str, DayTariff]
