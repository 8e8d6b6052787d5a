"""The market says what came of each thing that an operator asked for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.events.base import Event
from shared.events.commands import (
    CalendarChangeRequested,
    LimitsChangeRequested,
    MarketHaltRequested,
    MarketResumeRequested,
    ParticipantResumeRequested,
    ParticipantSuspendRequested,
)
from shared.events.market import DeedDecided
from shared.events.records import Calendar
from shared.events.wire import decode
from tests.component.harness import Bench
from tests.component.market.market_facts import COMPLEX_ID, DELIVERY, EARLY, a_bench, give

KIM: dict[str, Any] = {"complex_id": COMPLEX_ID, "requested_at": EARLY, "operator": "kim"}
MEMBER = {"participant_id": "hanbit-machining"}
HALT, RESUME = MarketHaltRequested(**KIM, reason="drill"), MarketResumeRequested(**KIM)
SUSPEND = ParticipantSuspendRequested(**KIM, **MEMBER, reason="no deposit")
RETURN = ParticipantResumeRequested(**KIM, **MEMBER)
LIMIT = LimitsChangeRequested(**KIM, **MEMBER, open_orders_max=3, credit_krw_max=None)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return a_bench(tmp_path)


CALENDAR = CalendarChangeRequested(
    **KIM,
    calendar=Calendar(
        effective_from=DELIVERY + timedelta(hours=3),
        gate_closure_lead_s=3_600,
        price_jeon_per_kwh_min=0,
        price_jeon_per_kwh_max=30_000,
        order_quantity_wh_max=1_000_000,
    ),
)


@pytest.mark.parametrize(
    ("asked", "outcomes"),
    [
        ([HALT, HALT], ["done", "unchanged"]),
        ([RESUME, HALT, RESUME], ["unchanged", "done", "done"]),
        ([SUSPEND, SUSPEND, RETURN, RETURN], ["done", "unchanged", "done", "unchanged"]),
        ([LIMIT], ["done"]),
        ([CALENDAR, CALENDAR], ["done", "refused"]),
    ],
)
def test_each_request_has_an_outcome_under_its_own_id(bench: Bench, asked: list[Event], outcomes: list[str]) -> None:
    give(bench, *asked)

    heard = [decode(message) for message in bench.bus.messages("trading_api.orders.v1")]
    told = bench.published(DeedDecided)
    assert [(one.deed_id, one.outcome) for one in told] == [
        (str(envelope.event_id), outcome) for envelope, outcome in zip(heard, outcomes, strict=True)
    ]
    assert [one.detail for one in told if one.outcome == "refused"] == ["must hold after the version before it"] * (
        outcomes.count("refused")
    )
