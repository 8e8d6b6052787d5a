"""The trading API keeps its promises on SQLite and on PostgreSQL, with the schema of the migrations."""

import base64
import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from services.trading_api.access.queries import is_revoked
from services.trading_api.access.tables import REVOKED_TOKEN
from services.trading_api.log.audit import audit_flaws
from services.trading_api.log.stream import stream_after
from services.trading_api.store import METADATA
from shared.events.market import MarketHalted, OrderAccepted, ParticipantResumed, ParticipantSuspended
from shared.events.orders import OrdersSealed, OrderSubmitted
from shared.intervals import DAY, INTERVAL
from tests.component.trading_api.test_orders import an_auction
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, ApiBench, an_order
from tests.component.trading_api.trading_api_facts import (
    DELIVERY,
    a_letter,
    a_reading,
    a_settlement,
    a_statement,
    a_trade,
)


@pytest.fixture
def bench(database_url: str) -> Iterator[ApiBench]:
    bench = ApiBench(database_url)
    yield bench
    bench.engine.dispose()


def test_migrations_make_the_tables_that_the_service_uses(bench: ApiBench) -> None:
    with bench.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), METADATA) == []


def test_an_order_lives_its_life_and_is_published_once(bench: ApiBench) -> None:
    with bench.client("hanbit") as hanbit:
        order_id = hanbit.post("/api/v1/orders", json=an_order()).json()["order_id"]
        again = hanbit.post("/api/v1/orders", json=an_order())
        dry = hanbit.post("/api/v1/orders?dry_run=true", json=an_order(client_order_id="dry"))
        here = {"complex_id": COMPLEX, "order_id": order_id, "participant_id": HANBIT, "delivery_start": DELIVERY}
        bench.give(an_auction(order_id, filled_wh=5_000), OrderAccepted(**here))
        bench.restart()
        bench.run(until=NOON + INTERVAL)
        late = hanbit.post("/api/v1/orders", json=an_order(client_order_id="late"))
        items = hanbit.get("/api/v1/orders").json()["items"]

    assert [answer.status_code for answer in (again, dry, late)] == [200, 200, 409]
    assert [(item["order_id"], item["status"]) for item in items] == [(order_id, "part_filled")]
    assert len(bench.published(OrderSubmitted)) == 1
    assert bench.published(OrdersSealed)[-1].delivery_start == DELIVERY


def test_facts_are_kept_once_listed_in_pages_and_counted(bench: ApiBench) -> None:
    facts = [a_reading(DELIVERY + n * INTERVAL) for n in range(3)]
    bench.give(*facts, a_trade(12_000, 10_000), a_settlement(), a_statement(), *facts)
    bench.give(a_letter(COMPLEX), producer="market")

    with bench.client("operator") as operator:
        first = operator.get("/api/v1/readings?limit=2").json()
        second = operator.get("/api/v1/readings", params={"cursor": first["next_cursor"]}).json()
        report = operator.get("/api/v1/report?day=2026-05-20").json()
        glance = operator.get("/api/v1/overview")

    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (2, 1, None)
    assert (report["readings"], report["trades"], report["traded_kwh"]) == (3, 1, "10.000")
    assert (report["ledger_entries"], report["saving_krw"], report["dead_letters"]) == (6, 1_200, 1)
    assert glance.status_code == 200


def test_a_participant_is_suspended_and_old_facts_go_at_the_next_gate(bench: ApiBench) -> None:
    facts = {"complex_id": COMPLEX, "participant_id": HANBIT, "operator": "ops"}
    bench.give(a_reading(DELIVERY - 401 * DAY), a_reading(), a_trade(12_000, 10_000))
    bench.give(ParticipantSuspended(**facts, suspended_at=NOON, reason="no deposit"))
    with bench.client("operator") as operator:
        suspended = operator.get(f"/api/v1/participants/{HANBIT}").json()
        bench.give(ParticipantResumed(**facts, resumed_at=NOON))
        bench.run(until=NOON + INTERVAL)
        resumed = next(
            one for one in operator.get("/api/v1/participants").json()["items"] if one["participant_id"] == HANBIT
        )
        kept = [len(operator.get(f"/api/v1/{name}").json()["items"]) for name in ("readings", "trades")]

    assert (suspended["refusals"], suspended["live_api_keys"]) == (["suspended"], 1)
    assert (resumed["may_trade"], resumed["suspension"], kept) == (True, None, [1, 1])


def test_both_logs_are_numbered_without_gaps_and_text_from_the_bus_may_hold_anything(bench: ApiBench) -> None:
    halted = MarketHalted(complex_id=COMPLEX, halted_at=NOON, reason="\x00 is text too", operator="ops")
    with bench.client("operator") as operator:
        for _ in range(3):
            operator.post("/api/v1/market/resume")
        bench.give(halted, halted)
        shown = operator.get("/api/v1/overview").json()["market"]

    with bench.engine.connect() as db:
        assert audit_flaws(db, COMPLEX) == []
        assert [row["sequence"] for row in stream_after(db, COMPLEX, 0)] == [1, 2]
        assert db.scalar(sa.text("SELECT count(*) FROM audit")) == 3
    assert shown == {"halted": True, "reason": "\ufffd is text too"}


NOWHERE = ("orders/%00", "orders/x%00", "orders/%ED%A0%80", f"orders/{'9' * 5_000}", "orders/%F0%9F%94%8B")


@pytest.mark.parametrize("path", NOWHERE, ids=lambda path: path[:12])
def test_a_name_that_no_database_can_hold_names_nothing(bench: ApiBench, path: str) -> None:
    with bench.client("hanbit") as hanbit:
        answers = [hanbit.request(method, f"/api/v1/{path}") for method in ("GET", "DELETE")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 2


@pytest.mark.parametrize("place", [["\0"], ["\ud800"], ["x" * 400], [2**63], [-(2**63) - 1], [10**300], [[]], [{}]])
def test_a_cursor_that_no_database_can_hold_is_refused_or_leads_nowhere(bench: ApiBench, place: list[object]) -> None:
    def cursor(name: str, *given: object) -> str:
        return base64.urlsafe_b64encode(json.dumps([name, *given]).encode()).decode()

    with bench.client("operator") as operator:
        answers = {
            name: operator.get(f"/api/v1/{name}", params={"cursor": cursor(listing, *before, *place)})
            for name, listing, before in (
                ("audit", "audit", []),
                ("trades", "trades", ["2026-05-20T00:00:00Z"]),
                ("limits", "limits", []),
                ("participants", "participants", []),
                ("certificates", "certificates", ["2026-05-20T00:00:00Z", "a"]),
            )
        }

    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code not in {200, 422}} == {}


def test_a_token_is_revoked_once_however_often_it_is_said(bench: ApiBench) -> None:
    with bench.client("operator") as operator:
        answers = [operator.post("/api/v1/revoked-tokens", json={"jti": "lost"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    with bench.engine.connect() as db:
        assert is_revoked(db, COMPLEX, "lost")
        assert not is_revoked(db, COMPLEX, "other")
        assert db.scalar(sa.select(sa.func.count()).select_from(REVOKED_TOKEN)) == 1
