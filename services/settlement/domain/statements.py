"""A participant's day: sums of its settled lines."""

from dataclasses import dataclass

from services.settlement.domain.interval import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Cost):
    """A participant's day: sums of its settled lines, and how many of them had been settled anew, how often."""

    intervals: int
    bought_wh: int
    sold_wh: int
    grid_import_wh: int
    grid_export_wh: int
    revision: int

    @property
    def saving_krw(self) -> int:
        """Return what trading and batteries saved; below 0 they cost."""
        return self.cost_without_krw - self.cost_with_krw
