"""All tables of the read model, whichever feature declares them."""

from services.trading_api.access import tables as access
from services.trading_api.batteries import tables as batteries
from services.trading_api.bidding import tables as bidding
from services.trading_api.billing import tables as billing
from services.trading_api.certificates import tables as certificates
from services.trading_api.db.metadata import METADATA
from services.trading_api.forecasts import tables as forecasts
from services.trading_api.log import tables as log
from services.trading_api.market import tables as market
from services.trading_api.metering import tables as metering
from services.trading_api.operation import tables as operation
from services.trading_api.orders import tables as orders
from services.trading_api.rules import tables as rules
from services.trading_api.studies import tables as studies

DECLARED_BY = (
    access,
    batteries,
    bidding,
    billing,
    certificates,
    forecasts,
    log,
    market,
    metering,
    operation,
    orders,
    rules,
    studies,
)

__all__ = ["DECLARED_BY", "METADATA"]
