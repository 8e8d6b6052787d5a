"""A version of the market calendar over HTTP: as it is asked for, and as it is shown. Its fields stand here once."""

from typing import Annotated

from pydantic import ConfigDict, Field

from optimizers.orders.rules import OrderRules
from services.trading_api.http.fields import PriceJeon, QuantityWh, Request, UtcInstant
from services.trading_api.text import instant_text
from shared.events.records import Calendar
from shared.units import krw_text, kwh_text


class CalendarTerms(Request):
    """What a version of the calendar rules, and its defaults."""

    gate_closure_lead_s: Annotated[int, Field(strict=True, ge=1, le=86_400)]
    opening_lead_s: Annotated[int, Field(strict=True, ge=1, le=31_536_000)] | None = None
    price_jeon_per_kwh_min: PriceJeon = Field(alias="price_krw_per_kwh_min")
    price_jeon_per_kwh_max: PriceJeon = Field(alias="price_krw_per_kwh_max")
    order_quantity_wh_max: QuantityWh = Field(alias="order_quantity_kwh_max")
    # Defaults stand in the unit of the public name, as the document shows them, and are read as if they were sent.
    tick_jeon: Annotated[PriceJeon, Field(ge=1)] = Field("0.01", alias="tick_krw_per_kwh", validate_default=True)
    lot_wh: QuantityWh = Field("0.001", alias="lot_kwh", validate_default=True)
    traders: Annotated[tuple[str, ...], Field(max_length=10_000)] | None = None
    day_ahead_gate_s: Annotated[int, Field(strict=True, ge=1, le=86_400)] | None = None


class CalendarIn(CalendarTerms):
    """A version of the market calendar; what is left out has its default, not what held before."""

    effective_from: UtcInstant

    def calendar(self) -> Calendar:
        """Return it as the market is asked for it."""
        return Calendar(
            effective_from=self.effective_from,
            gate_closure_lead_s=self.gate_closure_lead_s,
            opening_lead_s=self.opening_lead_s,
            price_jeon_per_kwh_min=self.price_jeon_per_kwh_min,
            price_jeon_per_kwh_max=self.price_jeon_per_kwh_max,
            order_quantity_wh_max=self.order_quantity_wh_max,
            tick_jeon=self.tick_jeon,
            lot_wh=self.lot_wh,
            traders=self.traders,
            day_ahead_gate_s=self.day_ahead_gate_s,
        )


class CalendarView(CalendarTerms):
    """A version of the market calendar; version 0 is the complex file's, and holds from the beginning."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    version: int
    effective_from: str | None
    operator: str | None


def calendar_view(rules: OrderRules, *, operator: str | None, seen_by: str | None) -> CalendarView:
    """Show a version of the calendar; the complex file's own has no instant from which it holds, and no operator.

    Args:
        rules: The version.
        operator: Who asked for it.
        seen_by: The participant that sees it, and of the traders itself alone; None sees all.
    """
    calendar = rules.calendar
    traders = calendar.traders
    if traders is not None and seen_by is not None:
        traders = tuple(trader for trader in traders if trader == seen_by)
    return CalendarView(
        version=rules.version,
        effective_from=None if rules.version == 0 else instant_text(calendar.effective_from),
        operator=operator,
        gate_closure_lead_s=calendar.gate_closure_lead_s,
        opening_lead_s=calendar.opening_lead_s,
        price_krw_per_kwh_min=krw_text(calendar.price_jeon_per_kwh_min),
        price_krw_per_kwh_max=krw_text(calendar.price_jeon_per_kwh_max),
        order_quantity_kwh_max=kwh_text(calendar.order_quantity_wh_max),
        tick_krw_per_kwh=krw_text(calendar.tick_jeon),
        lot_kwh=kwh_text(calendar.lot_wh),
        traders=traders,
        day_ahead_gate_s=calendar.day_ahead_gate_s,
    )
