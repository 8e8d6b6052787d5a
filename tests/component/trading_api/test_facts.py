"""The read model: who sees what, page by page, in whatever order events come."""

from datetime import timedelta

from pydantic import create_model
from starlette.testclient import TestClient

from shared.events.base import Envelope, Event, named_id
from shared.events.market import CalendarChanged, MarketHalted
from shared.events.records import Calendar, Side
from shared.events.settlement import ReadingIgnored
from shared.intervals import INTERVAL
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, SEOJIN, ApiBench
from tests.component.trading_api.trading_api_facts import (
    DAY_AFTER,
    DAY_BEFORE,
    DELIVERY,
    a_forecast,
    a_reading,
    a_settlement,
    a_statement,
    a_trade,
    an_observation,
    an_order,
)


def test_a_factory_sees_its_own_side_of_a_trade_and_its_own_facts(bench: ApiBench, operator: TestClient) -> None:
    bench.give(
        an_order("b0330", HANBIT, Side.BUY),
        an_order("s0330", SEOJIN, Side.SELL),
        a_trade(12_000, 10_000),
        a_reading(),
        a_reading(meter_id=f"{SEOJIN}.grid", participant_id=SEOJIN),
        a_statement(),
        a_forecast(),
    )

    with bench.client("seojin") as seojin:
        [trade] = seojin.get("/api/v1/trades").json()["items"]
        auction = seojin.get("/api/v1/auctions/2026-05-20T12:30:00%2B09:00").json()
        counts = {
            name: [len(client.get(f"/api/v1/{name}").json()["items"]) for client in (seojin, operator)]
            for name in ("orders", "readings", "statements", "forecasts", "auctions")
        }

    assert (trade["seller_id"], trade["received_krw"]) == (SEOJIN, 1_200)
    assert [trade[name] for name in ("buyer_id", "buy_order_id", "paid_krw")] == [None, None, None]
    assert (auction["price_krw_per_kwh"], auction["volume_kwh"]) == ("120.00", "10.000")
    assert [(order["order_id"], order["status"]) for order in auction["own_orders"]] == [("s0330", "filled")]
    assert counts == {
        "orders": [1, 2],
        "readings": [1, 2],
        "statements": [0, 1],
        "forecasts": [0, 1],
        "auctions": [1, 1],
    }


def test_the_complex_as_a_factory_sees_it_has_only_itself(bench: ApiBench, operator: TestClient) -> None:
    with bench.client("seojin") as seojin:
        seen = seojin.get("/api/v1/complex").json()

    assert [one["participant_id"] for one in seen["participants"]] == [SEOJIN]
    assert len(operator.get("/api/v1/complex").json()["participants"]) == 12


def test_pages_hold_every_row_once_in_order(bench: ApiBench, operator: TestClient) -> None:
    bench.give(*(a_reading(DELIVERY + n * INTERVAL, f"m{m}") for n in range(3) for m in range(3)))

    seen: list[tuple[str, str]] = []
    cursor = None
    for _ in range(5):
        page = operator.get("/api/v1/readings", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [(row["delivery_start"], row["meter_id"]) for row in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert len(seen) == 9
    assert seen == sorted(set(seen), reverse=True)


def test_a_reading_and_a_device_show_what_validation_found_and_the_highest_version_holds(
    bench: ApiBench, operator: TestClient
) -> None:
    first = a_reading(DELIVERY, "m1")
    third = first.model_copy(update={"import_wh": 9_000, "reading_version": 3, "flags": ("gap", "spike")})
    second = first.model_copy(update={"import_wh": 8_000, "reading_version": 2})
    bench.give(first, third, second, an_observation(HANBIT).model_copy(update={"flags": ("stuck",)}))

    [reading] = operator.get("/api/v1/readings").json()["items"]
    [device] = operator.get("/api/v1/devices").json()["items"]

    assert (reading["import_kwh"], reading["reading_version"], reading["flags"]) == ("9.000", 3, ["gap", "spike"])
    assert device["flags"] == ["stuck"]


def test_events_of_different_topics_may_come_in_any_order(bench: ApiBench, operator: TestClient) -> None:
    bench.give(a_trade(12_000, 10_000))
    bench.give(an_order("b0330", HANBIT, Side.BUY))

    found = operator.get("/api/v1/orders/b0330").json()

    assert (found["status"], found["filled_kwh"]) == ("filled", "10.000")


def test_optional_fields_that_events_gain_later_do_not_stop_the_read_model(
    bench: ApiBench, operator: TestClient
) -> None:
    given: list[Event] = [
        an_order("b0330", HANBIT, Side.BUY),
        a_trade(12_000, 10_000),
        a_settlement(),
        a_statement(),
        ReadingIgnored(complex_id=COMPLEX, meter_id="m", delivery_start=DELIVERY, reason="settled"),
        an_observation(HANBIT),
    ]
    for number, event in enumerate(given):
        envelope = Envelope(
            event_id=named_id("later", number), occurred_at=NOON, source="test", event=with_a_field_more(event)
        )
        with bench.engine.begin() as db:
            bench.service.handlers[type(event)](envelope, db)

    counts = operator.get("/api/v1/report?day=2026-05-20").json()
    assert [counts[name] for name in ("orders", "trades", "intervals_settled", "statements")] == [1, 1, 1, 1]


def with_a_field_more(event: Event) -> Event:
    return create_model("Later", __base__=type(event), more=(int, 7)).model_validate(event.model_dump())


def test_a_halt_shows_at_a_glance(bench: ApiBench, operator: TestClient) -> None:
    bench.give(MarketHalted(complex_id=COMPLEX, halted_at=NOON, reason="fire drill", operator="ops"))

    assert operator.get("/api/v1/overview").json()["market"] == {"halted": True, "reason": "fire drill"}


def test_a_glance_at_a_day_just_over_still_shows_that_day(bench: ApiBench, operator: TestClient) -> None:
    bench.clock.instant = DAY_AFTER + timedelta(minutes=10)
    just_over = operator.get("/api/v1/overview").json()["day"]
    bench.clock.instant = DAY_AFTER + timedelta(minutes=15)

    assert (just_over, operator.get("/api/v1/overview").json()["day"]) == ("2026-05-20", "2026-05-21")


def test_a_glance_at_a_chosen_day_has_that_days_orders_and_a_glance_at_now_the_newest(
    bench: ApiBench, operator: TestClient
) -> None:
    starts = {"yesterday": DAY_BEFORE, "noon": DELIVERY, "tomorrow": DAY_AFTER}
    bench.give(*(an_order(name, HANBIT, Side.BUY, start) for name, start in starts.items()))

    def orders(query: str) -> list[str]:
        return sorted(one["order_id"] for one in operator.get(f"/api/v1/overview{query}").json()["orders"])

    assert orders("?day=2026-05-19") == ["yesterday"]
    assert orders("?day=2026-05-20") == ["noon"]
    assert orders("") == ["noon", "tomorrow", "yesterday"]


def test_a_glance_tells_the_gate_that_is_in_force(bench: ApiBench, operator: TestClient) -> None:
    before = operator.get("/api/v1/overview").json().get("gate_closure_lead_s")
    calendar = Calendar(
        effective_from=NOON,
        gate_closure_lead_s=3_600,
        price_jeon_per_kwh_min=0,
        price_jeon_per_kwh_max=50_000,
        order_quantity_wh_max=1_000_000,
    )
    facts = {"complex_id": COMPLEX, "calendar_version": 1, "requested_at": NOON, "operator": "operator"}
    bench.give(CalendarChanged(**facts, calendar=calendar))

    # The bench's complex closes its gates a quarter of an hour before delivery.
    assert (before, operator.get("/api/v1/overview").json().get("gate_closure_lead_s")) == (900, 3_600)
