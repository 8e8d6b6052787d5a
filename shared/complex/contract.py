"""What a factory agreed with the grid company."""

from datetime import date
from itertools import pairwise
from typing import Annotated

from pydantic import Field, StrictBool, field_validator, model_validator

from shared.complex.fields import RECORD, MonthlyKw, PositiveKw, PriceKrw
from shared.validation import PlainRecord


class ContractPower(PlainRecord):
    """Another contract power, from a day on."""

    model_config = RECORD

    first_day: date = Field(alias="from")
    contract_kw: PositiveKw

    @field_validator("first_day")
    @classmethod
    def _begins_a_month(cls, day: date) -> date:
        if day.day != 1:
            raise ValueError(
                "must be the 1st of a month: a month in which contract power changes is billed by days, which no "
                "invoice here is; let it hold from the next 1st"
            )
        return day


class GridContract(PlainRecord):
    """A factory's contract with KEPCO.

    Attributes:
        contract_kw: Contract power [kW], until the first of the changes.
        contract_power_changes: What it is from a day on, in order.
        past_peaks_kw: Highest billable 15-minute demand of earlier months by YYYY-MM, as far as known: the ratchet.
        deferred: Whether the site applied to keep the package before the reform of 2026 (to 2026-09-30).
        power_factor: Whether the power factor is billed.
        fuel_adjustment_krw_per_kwh: A fuel adjustment that replaces the tariff's dated one; None keeps that.
        excess_noticed: Whether an earlier excess over contract power was notified; None: judged by past peaks.
    """

    model_config = RECORD

    tariff_class: str
    voltage: str
    option: str
    contract_kw: PositiveKw
    contract_power_changes: tuple[ContractPower, ...] = ()
    past_peaks_kw: MonthlyKw = ()
    deferred: StrictBool = False
    power_factor: StrictBool = False
    fuel_adjustment_krw_per_kwh: Annotated[PriceKrw, Field(ge=-1_000, le=1_000)] | None = None
    excess_noticed: StrictBool | None = None

    @model_validator(mode="after")
    def _changes_follow_each_other(self) -> "GridContract":
        for earlier, later in pairwise(self.contract_power_changes):
            if later.first_day <= earlier.first_day:
                raise ValueError(
                    f"contract_power_changes must be in order of `from`, {later.first_day} follows {earlier.first_day}"
                )
        return self

    def on(self, day: date) -> "GridContract":
        """Return the contract as it holds on a Korean day: with the contract power of that day."""
        begun = [change for change in self.contract_power_changes if change.first_day <= day]
        return self.model_copy(update={"contract_kw": begun[-1].contract_kw}) if begun else self
