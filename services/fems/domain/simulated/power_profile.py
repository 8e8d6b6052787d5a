"""Power over one interval as steps, and the energy that has flowed: in whole W, us and uJ (1 W for 1 us), so exact."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.intervals import INTERVAL_S

US_PER_S = 1_000_000
INTERVAL_US = INTERVAL_S * US_PER_S
UJ_PER_WH = 3_600 * US_PER_S


@dataclass(frozen=True, slots=True)
class Course:
    """Each of `powers_w` (positive flows in) holds from its instant in `starts_us`, the first 0, until the next."""

    starts_us: tuple[int, ...]
    powers_w: tuple[int, ...]

    def power_w(self, at_us: int) -> int:
        """Return the power at an instant."""
        return self.powers_w[bisect_right(self.starts_us, at_us) - 1]

    def energy_uj(self, at_us: int) -> tuple[int, int]:
        """Return what has flowed in and out until an instant."""
        import_uj = export_uj = 0
        for start_us, end_us, power_w in zip(self.starts_us, (*self.starts_us[1:], at_us), self.powers_w, strict=True):
            moved_uj = power_w * max(min(end_us, at_us) - start_us, 0)
            if moved_uj > 0:
                import_uj += moved_uj
            else:
                export_uj -= moved_uj
        return import_uj, export_uj


def course(steps: Iterable[tuple[int, int]]) -> Course:
    """Return a course from (instant, power) in order; of two at one instant the later holds."""
    kept: list[tuple[int, int]] = []
    for start_us, power_w in steps:
        if kept and kept[-1][0] == start_us:
            kept.pop()
        if not kept or kept[-1][1] != power_w:
            kept.append((start_us, power_w))
    return Course(tuple(start_us for start_us, _ in kept), tuple(power_w for _, power_w in kept))


def steady(power_w: int) -> Course:
    """Return a course of one power."""
    return Course((0,), (power_w,))


def together(courses: Sequence[Course]) -> Course:
    """Return what flows where several courses meet."""
    if len(courses) == 1:
        return courses[0]
    instants = sorted({0, *(start_us for one in courses for start_us in one.starts_us)})
    return course((at_us, sum(one.power_w(at_us) for one in courses)) for at_us in instants)
