"""What a factory sends of its consumption to come."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from services.trading_api.http.fields import DeliveryStart, PowerW, Request
from shared.events.records import PLAN_LENGTH_MAX, LoadPlan, PlanKind

PlanId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]


class LoadPlanIn(Request):
    """A plan of the consumption over [begin, end).

    `expected_kw` is all that the factory draws in a shift, what comes on top in a batch, and what still runs in a
    shutdown (null: its base load).
    """

    kind: PlanKind
    begin: DeliveryStart
    end: DeliveryStart
    expected_w: PowerW | None = Field(default=None, alias="expected_kw")

    @model_validator(mode="after")
    def _is_a_plan(self) -> "LoadPlanIn":
        if not self.begin < self.end <= self.begin + PLAN_LENGTH_MAX:
            raise ValueError(f"end must be after begin, by at most {PLAN_LENGTH_MAX.days} days")
        if self.expected_w is None and self.kind is not PlanKind.SHUTDOWN:
            raise ValueError(f"expected_kw must be given for a {self.kind.value}")
        return self

    def plan(self, participant_id: str, plan_id: str, *, version: int, stated_at: datetime) -> LoadPlan:
        """Return the plan as a version that is stated at an instant."""
        return LoadPlan(
            plan_id=plan_id,
            participant_id=participant_id,
            kind=self.kind,
            begin=self.begin,
            end=self.end,
            expected_w=self.expected_w,
            stated_at=stated_at,
            version=version,
        )
