"""Settlement's database: what it was told, and the books."""

from services.settlement.store import certificate_tables, tables

# The tables of both modules belong to it.
METADATA = tables.METADATA

__all__ = ["METADATA", "certificate_tables", "tables"]
