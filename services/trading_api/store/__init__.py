"""The read model: what all services said, kept for the people who ask."""

from services.trading_api.store.tables import METADATA

__all__ = ["METADATA"]
