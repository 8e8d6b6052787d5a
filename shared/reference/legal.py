"""Under which law a complex trades: modes of dated rules, as their file says. What they mean: optimizers/legal."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from shared.reference.prices import Dated, Names, Record, Source, Sourced, overlaps

LegalModeName = Literal["demonstration", "on_site", "special_zone"]
WITH_FIGURE = frozenset(
    {
        "customer_contract_kw_min",
        "generator_kw_above",
        "own_supply_ratio_min",
        "grid_sale_ratio_max",
        "prosumer_grid_sale_ratio_max",
    }
)


class LegalRule(Sourced):
    """One rule of a mode: what it asks from a local day to another (None: open), and in which words.

    `figure` is in kW or a ratio, as the code says; `draft` says that the text in force may have another one.
    """

    code: Literal[
        "seller_has_roof",
        "seller_has_roof_or_storage",
        "customer_contract_kw_min",
        "generator_kw_above",
        "within_feeder",
        "own_supply_ratio_min",
        "grid_sale_ratio_max",
        "prosumer_grid_sale_ratio_max",
    ]
    first: date = Field(alias="from")
    last: date | None = Field(alias="to")
    figure: Annotated[Decimal, Field(ge=0)] | None = None
    draft: bool = False
    text: Names

    @model_validator(mode="after")
    def _has_its_figure(self) -> Self:
        if (self.figure is not None) is not (self.code in WITH_FIGURE):
            raise ValueError(f"{self.code} must have {'a' if self.code in WITH_FIGURE else 'no'} figure")
        return self

    def holds_on(self, day: date) -> bool:
        """Say whether the rule is in force on a local day."""
        return self.first <= day and (self.last is None or day <= self.last)


class LegalMode(Record):
    """A legal form of trading: its name, what it means here, and its rules."""

    name: Names
    note: Names
    rules: tuple[LegalRule, ...]

    def rules_on(self, day: date) -> Iterator[LegalRule]:
        """Return the rules in force on a local day."""
        return (rule for rule in self.rules if rule.holds_on(day))


class LegalModes(Dated):
    """The legal forms of one country."""

    schema_name: Literal["sandan-legal/1"] = Field(alias="schema")
    id: str
    sources: dict[str, Source]
    modes: dict[LegalModeName, LegalMode]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if missing := sorted({*get_args(LegalModeName)} - self.modes.keys()):
            raise ValueError(f"modes: must have {missing[0]}")
        for name, mode in self.modes.items():
            for code in {rule.code for rule in mode.rules}:
                periods = [(rule.first, rule.last) for rule in mode.rules if rule.code == code]
                for problem in overlaps(f"{name}: {code}", periods):
                    raise ValueError(problem)
            unknown = sorted({source for rule in mode.rules for source in rule.sources} - self.sources.keys())
            if unknown:
                raise ValueError(f"{name}: sources must be known, not {unknown[0]!r}")
        return self
