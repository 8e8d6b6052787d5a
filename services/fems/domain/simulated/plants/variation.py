"""Another plant of the same industry, with sizes, counts, paces and hours of its own."""

from dataclasses import dataclass

from services.fems.domain.simulated.draws import fraction
from services.fems.domain.simulated.plants.archetypes import (
    MINUTES_PER_DAY,
    Archetype,
    Batches,
    Climate,
    Jobs,
    Machines,
)
from shared.intervals import INTERVAL_MINUTES

# It differs from its archetype by up to so much, and its clock by up to so many minutes.
SIZE_SPREAD, PACE_SPREAD, CLOCK_SPREAD_MINUTES = 0.3, 0.2, 45


@dataclass(frozen=True, slots=True)
class _Own:
    """How one part of a plant differs."""

    seed: int
    part: str

    @property
    def size(self) -> float:
        return 1 + SIZE_SPREAD * (2 * fraction(self.seed, self.part, "size") - 1)

    @property
    def pace(self) -> float:
        return 1 + PACE_SPREAD * (2 * fraction(self.seed, self.part, "pace") - 1)

    def count(self, count: int) -> int:
        return max(round(count * (1 + SIZE_SPREAD * (2 * fraction(self.seed, self.part, "count") - 1))), 1)


def variation(plant: Archetype, seed: int) -> Archetype:
    """Return the variation that a seed decides."""
    later = _later(plant.day_begins, seed)
    jobs = [one.model_copy(update={"start": one.start + later}) for one in plant.jobs]
    return plant.model_copy(
        update={
            "day_begins": plant.day_begins + later,
            "base_kw": plant.base_kw * _Own(seed, "base").size,
            "shifts": tuple(
                one.model_copy(update={"start": one.start + later, "end": one.end + later}) for one in plant.shifts
            ),
            "breaks": tuple(one.model_copy(update={"at": one.at + later}) for one in plant.breaks),
            "machines": tuple(_machines(one, _Own(seed, f"machines {n}")) for n, one in enumerate(plant.machines)),
            "batches": tuple(_batches(one, _Own(seed, f"batches {n}")) for n, one in enumerate(plant.batches)),
            "jobs": tuple(_jobs(one, _Own(seed, f"jobs {n}")) for n, one in enumerate(jobs)),
            "climate": tuple(_climate(one, _Own(seed, f"climate {n}")) for n, one in enumerate(plant.climate)),
        }
    )


def _machines(one: Machines, own: _Own) -> Machines:
    hold_minutes = one.hold_minutes * own.pace
    return one.model_copy(update={"count": own.count(one.count), "kw": one.kw * own.size, "hold_minutes": hold_minutes})


def _batches(one: Batches, own: _Own) -> Batches:
    sizes = {"count": own.count(one.count), "kw": one.kw * own.size, "hold_kw": one.hold_kw * own.size}
    return one.model_copy(update={**sizes, "cycle_minutes": one.cycle_minutes * own.pace})


def _jobs(one: Jobs, own: _Own) -> Jobs:
    return one.model_copy(update={"count": own.count(one.count), "kw": one.kw * own.size})


def _climate(one: Climate, own: _Own) -> Climate:
    return one.model_copy(update={"kw_per_k": one.kw_per_k * own.size, "kw_max": one.kw_max * own.size})


def _later(day_begins: int, seed: int) -> int:
    """Return by how many minutes its clock differs: by quarter hours, within the same day."""
    places = 2 * CLOCK_SPREAD_MINUTES // INTERVAL_MINUTES + 1
    later = INTERVAL_MINUTES * int(places * fraction(seed, "clock")) - CLOCK_SPREAD_MINUTES
    return min(max(later, -day_begins), MINUTES_PER_DAY - INTERVAL_MINUTES - day_begins)
