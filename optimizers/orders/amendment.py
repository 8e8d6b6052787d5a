"""Orders changed while their book is open."""

from dataclasses import dataclass, replace
from datetime import datetime

from optimizers.orders.admission import OrderStanding, Rejection, admit
from optimizers.orders.book_order import BookOrder, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What a participant wants its order to be, as the writer stamped the wish."""

    order_id: str
    participant_id: str
    price_jeon_per_kwh: int
    quantity_wh: int
    requested_at: datetime
    writer: str
    sequence: int


def amended(order: BookOrder, wish: Amendment) -> BookOrder:
    """Return the order as it would be: less at the same price keeps its place in time, anything else loses it."""
    changed = replace(order, price_jeon_per_kwh=wish.price_jeon_per_kwh, quantity_wh=wish.quantity_wh)
    if wish.price_jeon_per_kwh == order.price_jeon_per_kwh and wish.quantity_wh <= order.quantity_wh:
        return changed
    return replace(changed, submitted_at=wish.requested_at, sequence=wish.sequence)


def unknown_order(wish: Amendment) -> Rejection:
    """Return why a wish about an order that does not stand in a book is refused."""
    return Rejection("unknown_order", f"{wish.participant_id} has no order {wish.order_id} in a book of {wish.writer}")


def admit_amendment(venue: Venue, order: BookOrder, wish: Amendment, standing: OrderStanding) -> Rejection | None:
    """Say why an order may not be amended; None: it may.

    Args:
        venue: The market with the rules at the wish's stamp.
        order: The order as it stands in its book.
        wish: What is wanted.
        standing: As if the order arrived now, without itself.
    """
    if (order.participant_id, order.writer) != (wish.participant_id, wish.writer):
        return unknown_order(wish)
    if order.block_wh:
        return Rejection("block_not_amendable", f"block {wish.order_id} can be cancelled, not amended")
    # The wish is judged as a new order of its own stamp, whichever place in time it gets.
    return admit(venue, replace(amended(order, wish), submitted_at=wish.requested_at), standing)
