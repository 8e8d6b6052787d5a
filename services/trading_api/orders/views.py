"""How an order reads on the wire."""

from typing_extensions import TypedDict

from services.trading_api.orders.domain import OrderStatus
from services.trading_api.text import Row, WhyView, instant_text, maybe
from shared.units import krw_text, kwh_text


class OrderView(TypedDict):
    """An order and what became of it."""

    order_id: str
    client_order_id: str
    participant_id: str
    writer: str
    sequence: int
    delivery_start: str
    side: str
    price_krw_per_kwh: str
    quantity_kwh: str
    auction: str
    block_kwh: list[str] | None
    submitted_at: str
    status: str
    reason: str | None
    detail: str | None
    why: WhyView | None
    amendment: str | None
    amendment_detail: str | None
    cancel_requested_at: str | None
    filled_kwh: str
    paid_krw: int
    received_krw: int


def order_view(row: Row) -> OrderView:
    """Show an order joined with its outcome, whose columns are null while the market has said nothing."""
    return OrderView(
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        participant_id=row["participant_id"],
        writer=row["writer"],
        sequence=row["sequence"],
        delivery_start=instant_text(row["delivery_start"]),
        side=row["side"],
        price_krw_per_kwh=krw_text(price_now(row)),
        quantity_kwh=kwh_text(quantity_now(row)),
        auction=row["auction"],
        block_kwh=[kwh_text(part_wh) for part_wh in row["block_wh"]] if row["block_wh"] else None,
        submitted_at=instant_text(row["submitted_at"]),
        status=row["status"] or OrderStatus.RECEIVED.value,
        reason=row["reason"],
        detail=row["detail"],
        why=row["why"],
        amendment=row["amendment"],
        amendment_detail=row["amendment_detail"],
        cancel_requested_at=maybe(instant_text, row["cancel_requested_at"]),
        filled_kwh=kwh_text(row["filled_wh"] or 0),
        paid_krw=row["paid_krw"] or 0,
        received_krw=row["received_krw"] or 0,
    )


def price_now(row: Row) -> int:
    """Return an order's price as it was amended last [jeon/kWh]."""
    amended: int | None = row["amended_price_jeon_per_kwh"]
    submitted: int = row["price_jeon_per_kwh"]
    return submitted if amended is None else amended


def quantity_now(row: Row) -> int:
    """Return an order's energy as it was amended last [Wh]."""
    amended: int | None = row["amended_quantity_wh"]
    submitted: int = row["quantity_wh"]
    return submitted if amended is None else amended
