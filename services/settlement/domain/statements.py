"""A participant's day: sums of its settled lines."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from services.settlement.domain.interval import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A participant's day: sums of its settled lines."""

    intervals: int
    bought_wh: int
    sold_wh: int
    grid_import_wh: int
    grid_export_wh: int
    trade_paid_krw: int
    trade_received_krw: int
    grid_paid_krw: int
    grid_received_krw: int
    cost_with_krw: int
    cost_without_krw: int
    spread_krw: int
    loss_wh: int
    loss_krw: int

    @property
    def saving_krw(self) -> int:
        """Return what trading and batteries saved; below 0 they cost."""
        return self.cost_without_krw - self.cost_with_krw


def statement_of(lines: Sequence[Line]) -> Statement:
    """Sum one participant's lines."""
    summed = [field.name for field in fields(Statement) if field.name != "intervals"]
    sums = {name: sum(getattr(line, name) for line in lines) for name in summed}
    return Statement(intervals=len(lines), **sums)
