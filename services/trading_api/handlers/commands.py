"""What staff may ask for. Each deed and its audit entry are one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.domain.access import Principal, Role
from services.trading_api.domain.tokens import GOOD_FOR_MAX
from services.trading_api.handlers.entry import SERVICE
from services.trading_api.store import keys, lists
from services.trading_api.store.logs import Deed, append_to_audit
from services.trading_api.store.tables import STUDY
from shared.db import messaging
from shared.events.base import Envelope, Event, derived_id, named_id
from shared.events.commands import (
    CalendarChangeRequested,
    LimitsChangeRequested,
    MarketHaltRequested,
    MarketResumeRequested,
    ParticipantResumeRequested,
    ParticipantSuspendRequested,
    StudyCancelRequested,
    StudyRequested,
)
from shared.events.records import CALENDAR_JSON, Calendar

ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Deeds:
    """Who acts, when, and in which log."""

    db: Connection
    principal: Principal
    now: datetime

    def record(self, action: str, target: str, result: str) -> int:
        """Write a link of the audit chain and return its number."""
        by = self.principal
        deed = Deed(key_id=by.key_id, who=by.name, role=by.role, action=action, object=target, result=result)
        return append_to_audit(self.db, by.complex_id, deed, now=self.now)

    def emit(self, event: Event, number: int) -> None:
        """Publish what was asked for, under an id made of its audit entry."""
        event_id = derived_id(named_id("audit", event.complex_id, number), 0, event.event_type())
        envelope = Envelope(event_id=event_id, occurred_at=self.now, source=SERVICE, event=event)
        messaging.emit(self.db, SERVICE, [envelope])


def halt(deeds: Deeds, reason: str) -> None:
    """Ask the market to halt."""
    by = deeds.principal
    number = deeds.record("market.halt", by.complex_id, f"requested: {reason}")
    wish = MarketHaltRequested(complex_id=by.complex_id, requested_at=deeds.now, operator=by.name, reason=reason)
    deeds.emit(wish, number)


def resume(deeds: Deeds) -> None:
    """Ask the market to go on."""
    by = deeds.principal
    number = deeds.record("market.resume", by.complex_id, "requested")
    deeds.emit(MarketResumeRequested(complex_id=by.complex_id, requested_at=deeds.now, operator=by.name), number)


def change_limits(
    deeds: Deeds, participant_id: str, *, open_orders_max: int | None, credit_krw_max: int | None
) -> None:
    """Ask the market to limit what a participant may have open."""
    by = deeds.principal
    number = deeds.record("limits.change", participant_id, f"orders {open_orders_max}, credit {credit_krw_max} KRW")
    wish = LimitsChangeRequested(
        complex_id=by.complex_id,
        participant_id=participant_id,
        open_orders_max=open_orders_max,
        credit_krw_max=credit_krw_max,
        requested_at=deeds.now,
        operator=by.name,
    )
    deeds.emit(wish, number)


def suspend_participant(deeds: Deeds, participant_id: str, reason: str) -> None:
    """Ask the market to take no more of a participant's orders."""
    by = deeds.principal
    number = deeds.record("participant.suspend", participant_id, f"requested: {reason}")
    wish = ParticipantSuspendRequested(
        complex_id=by.complex_id,
        participant_id=participant_id,
        requested_at=deeds.now,
        operator=by.name,
        reason=reason,
    )
    deeds.emit(wish, number)


def resume_participant(deeds: Deeds, participant_id: str) -> None:
    """Ask the market to take a participant's orders again."""
    by = deeds.principal
    number = deeds.record("participant.resume", participant_id, "requested")
    wish = ParticipantResumeRequested(
        complex_id=by.complex_id, participant_id=participant_id, requested_at=deeds.now, operator=by.name
    )
    deeds.emit(wish, number)


def change_calendar(deeds: Deeds, calendar: Calendar) -> None:
    """Ask the market for a new version of its calendar."""
    by = deeds.principal
    number = deeds.record("calendar.change", by.complex_id, CALENDAR_JSON.dump_json(calendar).decode())
    wish = CalendarChangeRequested(
        complex_id=by.complex_id, requested_at=deeds.now, operator=by.name, calendar=calendar
    )
    deeds.emit(wish, number)


def request_study(deeds: Deeds, asked: Mapping[str, Any]) -> RowMapping:
    """Ask the planner for a study and return its row."""
    by = deeds.principal
    complex_id = by.complex_id
    number = deeds.record("study.request", "a study", "requested")
    study_id = str(named_id("study", complex_id, number))
    wish = StudyRequested(
        complex_id=complex_id, study_id=study_id, requested_at=deeds.now, requested_by=by.name, **asked
    )
    row = {
        "complex_id": complex_id,
        "study_id": study_id,
        "requested_by": by.name,
        "requested_at": deeds.now,
        "status": "requested",
        "done": 0,
        "total": len(wish.battery_scales) * len(wish.pv_scales) * len(wish.tariff_options),
        "asked": wish.model_dump(mode="json", include={"trading_day", "battery_scales", "pv_scales", "tariff_options"}),
    }
    deeds.db.execute(sa.insert(STUDY).values(**row))
    deeds.emit(wish, number)
    return _study(deeds.db, complex_id, study_id)


def cancel_study(deeds: Deeds, study_id: str) -> RowMapping | None:
    """Tell the planner that a study is no longer wanted; None where there is no such study."""
    complex_id = deeds.principal.complex_id
    known = lists.study(deeds.db, complex_id, study_id)
    if known is None or known["status"] in ENDED:
        return known
    here = (STUDY.c.complex_id == complex_id) & (STUDY.c.study_id == study_id)
    deeds.db.execute(sa.update(STUDY).where(here).values(status="cancelled"))
    number = deeds.record("study.cancel", study_id, "requested")
    deeds.emit(StudyCancelRequested(complex_id=complex_id, study_id=study_id, requested_at=deeds.now), number)
    return _study(deeds.db, complex_id, study_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be kept: its secret's hash, and whose it is."""

    key_hash: str
    role: Role
    participant_id: str | None
    name: str


def create_key(deeds: Deeds, new: NewKey) -> RowMapping:
    """Keep a new API key of the complex and return its row."""
    complex_id = deeds.principal.complex_id
    key_id = key_id_of(complex_id, new.key_hash)
    keys.save_key(deeds.db, key_row(complex_id, new, now=deeds.now))
    deeds.record("key.create", key_id, f"{new.role}: {new.name}")
    return _key(deeds.db, complex_id, key_id)


def revoke_key(deeds: Deeds, key_id: str) -> RowMapping | None:
    """Let a key work no longer; None where there is no such key."""
    complex_id = deeds.principal.complex_id
    if keys.key(deeds.db, complex_id, key_id) is None:
        return None
    keys.revoke_key(deeds.db, complex_id, key_id, now=deeds.now)
    deeds.record("key.revoke", key_id, "revoked")
    return _key(deeds.db, complex_id, key_id)


def revoke_token(deeds: Deeds, jti: str, *, wall: datetime) -> dict[str, Any]:
    """Let a token work no longer, known or not, and return its row; tokens live by the wall's clock."""
    row = {
        "complex_id": deeds.principal.complex_id,
        "jti": jti,
        "revoked_at": wall,
        "forgotten_at": wall + GOOD_FOR_MAX,
    }
    keys.revoke_token(deeds.db, row, wall=wall)
    deeds.record("token.revoke", jti, "revoked")
    return row


def key_row(complex_id: str, new: NewKey, *, now: datetime) -> dict[str, Any]:
    """Return the row of a key; its id is made of the secret's hash, so that the same key is the same row."""
    return {
        "complex_id": complex_id,
        "key_id": key_id_of(complex_id, new.key_hash),
        "key_hash": new.key_hash,
        "role": new.role.value,
        "participant_id": new.participant_id,
        "name": new.name,
        "created_at": now,
    }


def key_id_of(complex_id: str, key_hash: str) -> str:
    """Return the public id of a key."""
    return str(named_id("api-key", complex_id, key_hash))


def _study(db: Connection, complex_id: str, study_id: str) -> RowMapping:
    row = lists.study(db, complex_id, study_id)
    assert row is not None  # noqa: S101 -- written in this transaction; narrows the type
    return row


def _key(db: Connection, complex_id: str, key_id: str) -> RowMapping:
    row = keys.key(db, complex_id, key_id)
    assert row is not None  # noqa: S101 -- written in this transaction; narrows the type
    return row
