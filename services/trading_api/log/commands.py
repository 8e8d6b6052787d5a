"""What staff ask for: each command and its audit entry are one transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from services.trading_api.db.outbox import emit
from services.trading_api.log.audit import AuditEntry, append_to_audit
from services.trading_api.roles import Principal
from shared.clock import Clock
from shared.db import order_writer
from shared.events.base import Event, derived_id, named_id


@dataclass(frozen=True, slots=True)
class AuditedCommand:
    """Who acts, when, and in which log."""

    db: Connection
    principal: Principal
    now: datetime

    def record(self, action: str, target: str, result: str) -> int:
        """Write a link of the audit chain and return its number."""
        by = self.principal
        entry = AuditEntry(key_id=by.key_id, who=by.name, role=by.role, action=action, object=target, result=result)
        return append_to_audit(self.db, by.complex_id, entry, now=self.now)

    def emit(self, event: Event, number: int) -> UUID:
        """Publish what was asked for, under an id made of its audit entry, and return the id."""
        event_id = derived_id(named_id("audit", event.complex_id, number), 0, event.event_type())
        emit(self.db, event, event_id, now=self.now)
        return event_id


def market_command(db: Connection, principal: Principal, clock: Clock) -> AuditedCommand:
    """Return who changes the rules for orders: stamped under the orders' lock, so that stamps follow the topic."""
    return AuditedCommand(db, principal, order_writer.next_turn(db, principal.complex_id, clock.now).stamp)
