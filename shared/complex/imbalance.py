"""What it costs to differ from what was traded: rules of a complex that are data, each from a day on."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from shared.reference.prices import Record

Share = Annotated[Decimal, Field(ge=0, le=10, max_digits=6, decimal_places=4, allow_inf_nan=False)]


class ImbalanceRule(Record):
    """What a kWh of imbalance costs from a local day on: the reference, and what it is made worse by.

    Args:
        first_day: In the file `from`.
        reference: `grid`: what the grid charges a participant for a kWh, and pays it for one. `auction`: the price of
            the interval's auction; where nothing was traded, `grid`.
        short_markup: What drawing a kWh more than was traded costs above the reference, as a share of it.
        long_markdown: What a kWh left over earns below the reference, as a share of it.
    """

    first_day: date = Field(alias="from")
    reference: Literal["grid", "auction"] = "grid"
    short_markup: Share = Decimal(0)
    long_markdown: Share = Decimal(0)

    @property
    def is_grid(self) -> bool:
        """Say whether imbalance costs what the grid charges and pays, no more."""
        return self.reference == "grid" and not self.short_markup and not self.long_markdown


GRID_RULE = ImbalanceRule(first_day=date.min)


def rule_on(rules: Sequence[ImbalanceRule], day: date) -> ImbalanceRule:
    """Return the rule of a day; before the first one, that of the grid."""
    return next((rule for rule in reversed(rules) if rule.first_day <= day), GRID_RULE)


def rule_problems(rules: Sequence[ImbalanceRule]) -> Iterator[str]:
    """Say which rules do not follow each other."""
    for earlier, later in pairwise(rules):
        if later.first_day <= earlier.first_day:
            yield f"imbalance: rules must be in order of `from`, {later.first_day} follows {earlier.first_day}"
