"""What callers send about orders."""

from enum import StrEnum
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from services.trading_api.http.fields import DeliveryStart, PriceJeon, QuantityWh, Request
from services.trading_api.orders.domain import Draft
from shared.events.records import Side
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, trading_day_of
from shared.units import JEON_PER_KRW, JEON_WH_PER_KRW, krw_text


def _flag(given: object) -> object:
    # Some clients write Python's True; a word such as yes or 1 may mean anything in the place of a deed.
    if isinstance(given, str) and given.lower() not in {"true", "false"}:
        raise ValueError("must be true or false")
    return given


DryRun = Annotated[bool, BeforeValidator(_flag), Query(description="true: say what would happen, and do nothing.")]
# What a client may call its order: printable ASCII without spaces, so that it survives logs, URLs and spreadsheets.
ClientOrderId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[!-~]+$")]


class SideIn(StrEnum):
    """Which way the energy goes, seen from the participant."""

    BUY = "buy"
    SELL = "sell"


class _Asked(Request):
    client_order_id: ClientOrderId
    delivery_start: DeliveryStart
    side: SideIn
    price_jeon_per_kwh: PriceJeon = Field(alias="price_krw_per_kwh")


class OrderIn(_Asked):
    """An order for one delivery interval, in its own auction or in that of the day before."""

    quantity_wh: QuantityWh = Field(alias="quantity_kwh")
    auction: Literal["intraday", "day_ahead"] = "intraday"

    def draft(self) -> Draft:
        """Return the order in the domain's numbers."""
        return Draft(
            client_order_id=self.client_order_id,
            delivery_start=self.delivery_start,
            side=Side(self.side),
            price_jeon_per_kwh=self.price_jeon_per_kwh,
            quantity_wh=self.quantity_wh,
            auction=self.auction,
        )


class BlockIn(_Asked):
    """A fill-or-kill order of the day-ahead auction: all of its intervals, one after another, or none."""

    block_wh: Annotated[tuple[QuantityWh, ...], Field(min_length=1, max_length=INTERVALS_PER_DAY)] = Field(
        alias="quantity_kwh"
    )

    @model_validator(mode="after")
    def _within_a_day(self) -> "BlockIn":
        last = self.delivery_start + (len(self.block_wh) - 1) * INTERVAL
        if trading_day_of(last) != trading_day_of(self.delivery_start):
            raise ValueError("must lie within one Korean day")
        return self

    def draft(self) -> Draft:
        """Return the block in the domain's numbers."""
        return Draft(
            client_order_id=self.client_order_id,
            delivery_start=self.delivery_start,
            side=Side(self.side),
            price_jeon_per_kwh=self.price_jeon_per_kwh,
            quantity_wh=sum(self.block_wh),
            auction="day_ahead",
            block_wh=self.block_wh,
        )


class AmendIn(Request):
    """What an order is to be; a figure that is left out stays as it is."""

    price_jeon_per_kwh: PriceJeon | None = Field(None, alias="price_krw_per_kwh")
    quantity_wh: QuantityWh | None = Field(None, alias="quantity_kwh")

    @model_validator(mode="after")
    def _something(self) -> "AmendIn":
        if self.price_jeon_per_kwh is None and self.quantity_wh is None:
            raise ValueError("must change price_krw_per_kwh or quantity_kwh")
        return self


class DryRunOut(BaseModel):
    """What would have happened."""

    dry_run: Literal[True] = True
    would_be: Literal["received"] = "received"
    gate_closure: str
    value_krw: str


def order_value_krw(draft: Draft) -> str:
    """Return the most an order can cost or earn, as a decimal string."""
    # Payments are in whole won, of which an order may get the one that a sum lacks; credit limits count it likewise.
    return krw_text(-(-draft.price_jeon_per_kwh * draft.quantity_wh // JEON_WH_PER_KRW) * JEON_PER_KRW)
