"""What the meters of a complex would have shown before the first day, with the batteries idle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.field import Field, interval_energies
from services.fems.simulator.load_sources import sources_of
from shared.arrays import Integers
from shared.complex.model import Complex


@dataclass(frozen=True, slots=True)
class SimulatedHistory:
    """Energy by interval from `first_start` on, without gaps.

    Attributes:
        first_start: The first interval's start.
        load_wh: Each participant's consumption, by participant id.
        meters: Each meter's import and export, by meter id (a PV meter's export is the site's output).
    """

    first_start: datetime
    load_wh: Mapping[str, Integers]
    meters: Mapping[str, tuple[Integers, Integers]]


def history(complex_: Complex, first_start: datetime, intervals: int) -> SimulatedHistory:
    """Return what was consumed and metered in so many intervals from `first_start` on.

    Raises:
        BadInput: A factory names a profile that does not exist.
    """
    field = Field(complex_, sources_of(complex_))
    first = number_of(first_start)
    energies = field.energies(first, intervals)
    return SimulatedHistory(
        first_start=first_start,
        load_wh={participant_id: idle.load_wh for participant_id, idle in energies.items()},
        meters=interval_energies(field, energies, intervals),
    )
