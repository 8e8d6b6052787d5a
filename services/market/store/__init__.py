"""The market's own tables, and what is loaded from and saved to them."""

from services.market.store.tables import METADATA

__all__ = ["METADATA"]
