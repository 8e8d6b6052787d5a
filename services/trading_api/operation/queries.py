"""The audit chain as a list."""

import sqlalchemy as sa

from services.trading_api.db.paging import Listing
from services.trading_api.log.tables import AUDIT


def audit_list(complex_id: str) -> Listing:
    """List the audit chain, the newest link first."""
    return Listing("audit", sa.select(AUDIT).where(AUDIT.c.complex_id == complex_id), (AUDIT.c.number,))
