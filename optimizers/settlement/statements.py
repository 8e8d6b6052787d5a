"""A participant's day: sums of its settled lines."""

from dataclasses import dataclass

from optimizers.tariff.savings import saving_krw
from shared.events.records import Costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Costs):
    """A participant's day: sums of its settled lines, and how many of them had been settled anew, how often.

    `stored_value_krw` is what its batteries hold more at the day's end, in won; below 0: less (docs/savings.md).
    """

    intervals: int
    bought_wh: int
    sold_wh: int
    grid_import_wh: int
    grid_export_wh: int
    trade_paid_krw: int
    trade_received_krw: int
    grid_paid_krw: int
    grid_received_krw: int
    cost_without_krw: int
    revision: int
    spread_krw: int = 0
    loss_wh: int = 0
    loss_krw: int = 0
    stored_value_krw: int = 0

    @property
    def saving_krw(self) -> int:
        """Return what trading and batteries saved; below 0 they cost."""
        return saving_krw(self.cost_without_krw, self.cost_with_krw, self.stored_value_krw)
