"""Each default that the OpenAPI document states is what the API does where the field or the parameter is left out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from services.trading_api.access.bootstrap import load_keys
from services.trading_api.access.schemas import BootstrapKey
from services.trading_api.roles import Role
from shared.events.base import Event
from shared.events.commands import CalendarChangeRequested, StudyRequested
from shared.events.market import CalendarChanged
from shared.events.orders import OrderSubmitted
from shared.events.records import Calendar, Side
from shared.intervals import INTERVAL
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, ApiBench, an_order
from tests.component.trading_api.trading_api_facts import a_reading, a_trade
from tests.component.trading_api.trading_api_facts import an_order as an_order_event

Json = dict[str, Any]
# More than a page of a list has where nobody says how long it is to be.
MORE_THAN_A_PAGE = 101


class Body(NamedTuple):
    """A call that has a body of a schema, without the fields that have defaults, and the event that follows from it."""

    who: str
    path: str
    required: Json
    follows: type[Event]
    named_anew: tuple[str, ...] = ()


BODIES = {
    "OrderIn": Body(
        "hanbit", "/api/v1/orders", an_order(), OrderSubmitted, ("order_id", "client_order_id", "sequence")
    ),
    "CalendarIn": Body(
        "operator",
        "/api/v1/market/calendar",
        {
            "effective_from": "2026-05-20T04:00:00Z",
            "gate_closure_lead_s": 1_800,
            "price_krw_per_kwh_min": "-50",
            "price_krw_per_kwh_max": "600",
            "order_quantity_kwh_max": "100",
        },
        CalendarChangeRequested,
    ),
    "StudyIn": Body("planner", "/api/v1/studies", {"trading_day": "2026-05-19"}, StudyRequested, ("study_id",)),
}
# What the events say, in the domain's units: 0.01 KRW/kWh is 1 jeon/kWh, 0.001 kWh is 1 Wh.
IN_THE_EVENT: dict[str, Json] = {
    "OrderIn": {"auction": "intraday"},
    "CalendarIn": {"tick_jeon": 1, "lot_wh": 1},
    "StudyIn": {"battery_scales": (1.0,), "pv_scales": (1.0,), "tariff_options": ("as-is",)},
}
WITH_DAY_AHEAD = Calendar(
    effective_from=NOON - timedelta(days=1),
    gate_closure_lead_s=900,
    price_jeon_per_kwh_min=0,
    price_jeon_per_kwh_max=50_000,
    order_quantity_wh_max=100_000,
    day_ahead_gate_s=13 * 3_600,
)
DRY_RUNS = {
    "/api/v1/orders": an_order(),
    "/api/v1/blocks": an_order(
        client_order_id="block-1", delivery_start="2026-05-21T00:00:00Z", quantity_kwh=["1", "2"]
    ),
}


@pytest.fixture
def document(operator: TestClient) -> Json:
    stated: Json = operator.get("/openapi.json").json()
    return stated


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield each operation with its method and path."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def stated_parameters(document: Json, name: str) -> dict[str, Any]:
    """Return the default of a parameter by path."""
    return {
        path: parameter["schema"]["default"]
        for _, path, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if parameter["name"] == name
    }


def stated_fields(document: Json, schema: str) -> Json:
    """Return the defaults of a schema's fields, by name."""
    properties: dict[str, Json] = document["components"]["schemas"][schema].get("properties", {})
    return {name: field["default"] for name, field in properties.items() if "default" in field}


def test_no_default_of_the_document_is_forgotten_here(document: Json) -> None:
    schemas = document["components"]["schemas"]
    parameters = {
        parameter["name"]
        for _, _, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if "default" in parameter["schema"]
    }

    answers = {"DryRunOut", "CalendarView"}
    assert {name for name in schemas if stated_fields(document, name)} == {*BODIES, *answers}
    assert parameters == {"dry_run", "limit"}


@pytest.mark.parametrize("schema", BODIES)
def test_a_field_that_is_left_out_has_the_default_that_the_document_states(
    bench: ApiBench, document: Json, schema: str
) -> None:
    body = BODIES[schema]
    stated = stated_fields(document, schema)

    with bench.client(body.who) as client:
        answers = [client.post(body.path, json=body.required)]
        bench.run()
        spelled_out = {**body.required, **stated}
        if "client_order_id" in spelled_out:
            spelled_out["client_order_id"] = "another"
        answers.append(client.post(body.path, json=spelled_out))
        bench.run()

    assert [answer.is_success for answer in answers] == [True, True], [answer.text for answer in answers]
    left_out, as_stated = (event.model_dump(exclude={*body.named_anew}) for event in bench.published(body.follows))
    assert left_out == as_stated
    found = left_out.get("calendar", left_out)
    assert {name: found[name] for name in IN_THE_EVENT[schema]} == IN_THE_EVENT[schema]
    assert len(stated) == len(IN_THE_EVENT[schema])


def test_an_order_is_for_real_where_nobody_says_that_it_is_a_dry_run(bench: ApiBench, document: Json) -> None:
    asked = {"requested_at": NOON, "operator": "kim", "calendar_version": 1}
    bench.give(CalendarChanged(complex_id=COMPLEX, calendar=WITH_DAY_AHEAD, **asked))
    assert stated_parameters(document, "dry_run") == dict.fromkeys(DRY_RUNS, False)
    answer_fields = stated_fields(document, "DryRunOut")

    for path, order in DRY_RUNS.items():
        with bench.client("hanbit") as hanbit:
            dry = hanbit.post(path, params={"dry_run": True}, json=order)
            left_out = hanbit.post(path, json=order)
            stated = hanbit.post(path, params={"dry_run": False}, json=order)
        assert (dry.status_code, left_out.status_code, stated.status_code) == (200, 201, 200), path
        assert answer_fields.items() <= dry.json().items()
        assert stated.json() == left_out.json()


def test_a_list_is_as_long_as_the_document_says_where_nobody_says_how_long(
    bench: ApiBench, document: Json, operator: TestClient
) -> None:
    fill_lists(bench)
    stated = stated_parameters(document, "limit")
    assert len(stated) > 10

    lengths = {}
    for path, limit in stated.items():
        address = path.format(month="2026-05")
        left_out, as_stated = operator.get(address), operator.get(address, params={"limit": limit})
        assert left_out.status_code == 200, left_out.text
        assert left_out.json() == as_stated.json()
        lengths[path] = len(left_out.json()["items"])

    longer_than_a_page = {f"/api/v1/{name}" for name in ("readings", "orders", "auctions", "trades", "api-keys")}
    assert {path for path, length in lengths.items() if length == stated[path]} == longer_than_a_page


def fill_lists(bench: ApiBench) -> None:
    """Give some lists more than a page."""
    starts = [NOON + number * INTERVAL for number in range(MORE_THAN_A_PAGE)]
    trades = []
    for number, start in enumerate(starts):
        auction = a_trade(12_000, 10_000, start)
        [trade] = auction.trades
        update = {"auction_id": f"a-{number}", "trades": (replace(trade, trade_id=f"t-{number}"),)}
        trades.append(auction.model_copy(update=update))
    orders = [an_order_event(f"o-{number}", HANBIT, Side.BUY, start) for number, start in enumerate(starts)]
    bench.give(*orders, *trades, *(a_reading(start - timedelta(days=2)) for start in starts))
    keys = [
        BootstrapKey(key=f"{number:032}", role=Role.PLANNER, complex_id=COMPLEX, name=f"planner {number}")
        for number in range(MORE_THAN_A_PAGE)
    ]
    load_keys(bench.engine, keys, now=NOON)
