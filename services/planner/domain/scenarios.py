"""The scenarios of a study, and the sums over the sites of a complex."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

# In place of an option's name: each factory keeps its own.
AS_IS = "as-is"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Batteries and solar scaled (1 is as built, 0 is none), and a tariff option for all or AS_IS."""

    battery_scale: float
    pv_scale: float
    tariff_option: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a day came to: money paid to the grid company less money received, and by interval what was taken and given.

    Of a sum over sites these are the sites' own flows, one beside the other.
    """

    cost_krw: int
    import_wh: tuple[int, ...]
    export_wh: tuple[int, ...]

    @property
    def grid_import_wh(self) -> int:
        """Return what was taken over the day."""
        return sum(self.import_wh)

    @property
    def grid_export_wh(self) -> int:
        """Return what was given over the day."""
        return sum(self.export_wh)


def expand(
    battery_scales: Iterable[float], pv_scales: Iterable[float], tariff_options: Iterable[str]
) -> tuple[Scenario, ...]:
    """Return every combination, the tariff option changing fastest."""
    return tuple(Scenario(*parts) for parts in product(battery_scales, pv_scales, tariff_options))


def total(outcomes_by_site: Iterable[Sequence[Outcome]]) -> tuple[Outcome, ...]:
    """Return each scenario's sum over the sites, which list their outcomes in the same order."""
    return tuple(
        Outcome(
            cost_krw=sum(outcome.cost_krw for outcome in of_scenario),
            import_wh=tuple(map(sum, zip(*(outcome.import_wh for outcome in of_scenario), strict=True))),
            export_wh=tuple(map(sum, zip(*(outcome.export_wh for outcome in of_scenario), strict=True))),
        )
        for of_scenario in zip(*outcomes_by_site, strict=True)
    )
