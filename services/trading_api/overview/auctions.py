"""One auction, and what it meant to the caller."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.db.sql import rows_of
from services.trading_api.market import queries as market_queries
from services.trading_api.market.views import AuctionView, TradeView, auction_view, trade_view
from services.trading_api.orders.queries import orders_of_interval
from services.trading_api.orders.views import OrderView, order_view
from services.trading_api.roles import Principal, Scope
from services.trading_api.text import Row


class AuctionDetail(AuctionView):
    """An auction with the orders in it, and its trades, that the caller may see; a planner sees none."""

    own_orders: list[OrderView]
    own_trades: list[TradeView]


def auction_detail(db: Connection, caller: Principal, delivery_start: datetime) -> AuctionDetail | None:
    """Return an auction as a caller may see it, None where there was none."""
    seen_by = caller.participant_id
    auction = market_queries.auction(db, caller.complex_id, delivery_start)
    if auction is None:
        return None
    orders: Sequence[Row] = ()
    trades: Sequence[Row] = ()
    if caller.may(Scope.ORDERS_READ):
        orders = orders_of_interval(db, caller.complex_id, delivery_start)
        listing = market_queries.trade_list(caller.complex_id, seen_by=seen_by, delivery_start=delivery_start)
        trades = rows_of(db, listing.query)
    own_orders = [order_view(row) for row in orders if seen_by in {None, row["participant_id"]}]
    own_trades = [trade_view(row, seen_by=seen_by) for row in trades]
    return AuctionDetail(**auction_view(auction), own_orders=own_orders, own_trades=own_trades)
