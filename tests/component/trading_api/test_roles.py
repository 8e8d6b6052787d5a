"""Who may call, see and hear what, over every road there is: calls, files, the overview, the stream and its resumption.

The routes and the stream's kinds are asked of the application itself; one that is new fails until it stands here.
"""

import http.client
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from services.trading_api.console.pages import add_console
from services.trading_api.http.state import ApiOptions
from services.trading_api.log.tables import STREAM
from shared.events.base import Event
from shared.events.market import MarketResumed
from shared.events.planner import StudyCompleted, StudyProgressed, StudyResult
from shared.events.topics import EVENT_TYPES, topics_read_by
from shared.paths import ROOT
from tests.component.trading_api.serving import served
from tests.component.trading_api.test_stream import WAIT_S, listening
from tests.component.trading_api.trading_api_bench import COMPLEX, NOON, SECRETS, SEOJIN, ApiBench, an_order
from tests.component.trading_api.trading_api_facts import a_reading, an_observation

GOLDEN = ROOT / "tests/contract/golden"
ROLES = ("factory", "operator", "planner")

# Each call, and the roles that may make it.
AUDIENCES: Mapping[tuple[str, ...], str] = {
    ("factory",): """
        POST /api/v1/orders
        POST /api/v1/blocks
        PATCH /api/v1/orders/{order_id}
        DELETE /api/v1/orders/{order_id}
        DELETE /api/v1/orders
        PUT /api/v1/load-plans/{plan_id}
        DELETE /api/v1/load-plans/{plan_id}
    """,
    ("factory", "operator"): """
        GET /api/v1/bidding
        PUT /api/v1/bidding
        GET /api/v1/orders
        GET /api/v1/orders/{order_id}
        GET /api/v1/trades
        GET /api/v1/statements
        GET /api/v1/invoices/{month}
        GET /api/v1/invoices/{month}.csv
        GET /api/v1/invoices/{month}.pdf
        GET /api/v1/invoices/{month}/intervals.csv
        GET /api/v1/certificates
        GET /api/v1/matching/{period}
    """,
    ("factory", "operator", "planner"): """
        GET /api/v1/auctions
        GET /api/v1/auctions/{delivery_start}
        GET /api/v1/day-ahead
        GET /api/v1/market/calendar
        GET /api/v1/readings
        GET /api/v1/forecasts
        GET /api/v1/accuracy
        GET /api/v1/load-plans
        GET /api/v1/schedules
        GET /api/v1/devices
        GET /api/v1/batteries
        GET /api/v1/complex
        GET /api/v1/clock
        GET /api/v1/overview
        GET /api/v1/stream
    """,
    ("operator", "planner"): """
        POST /api/v1/studies
        GET /api/v1/studies/{study_id}
        GET /api/v1/studies/{study_id}/results
        DELETE /api/v1/studies/{study_id}
    """,
    ("operator",): """
        POST /api/v1/market/halt
        POST /api/v1/market/resume
        POST /api/v1/market/calendar
        GET /api/v1/deeds
        GET /api/v1/deeds/{deed_id}
        GET /api/v1/limits
        POST /api/v1/limits
        GET /api/v1/participants
        GET /api/v1/participants/{participant_id}
        POST /api/v1/participants/{participant_id}/suspend
        POST /api/v1/participants/{participant_id}/resume
        PUT /api/v1/clock
        GET /api/v1/audit
        GET /api/v1/report
        GET /api/v1/report/intervals
        GET /api/v1/api-keys
        POST /api/v1/api-keys
        DELETE /api/v1/api-keys/{key_id}
        POST /api/v1/revoked-tokens
    """,
    ("anyone",): """
        POST /console/session
        DELETE /console/session
        GET /health/live
        GET /health/ready
        GET /openapi.json
        GET /asyncapi.json
        GET /docs
    """,
}
STATED = {call.strip(): roles for roles, calls in AUDIENCES.items() for call in calls.strip().splitlines()}
# A page and its files do nothing and answer no question, and what passes them on may mark them for its caches.
PAGES = {"GET /", "GET /favicon.ico", "/static"}

# What the stream tells, and the roles that hear of it; a factory hears its own.
HEARD: Mapping[tuple[str, ...], str] = {
    ROLES: "snapshot auction day_ahead market calendar reading corrected accuracy schedule setpoint devices",
    ("factory", "operator"): "order participant bidding settled resettled statement invoice certified",
    ("operator", "planner"): "study late",
    ("operator",): "ledger dead_letter",
}
# ... and what a snapshot holds.
SHOWN: Mapping[tuple[str, ...], str] = {
    ROLES: "sequence clock caller complex day gate_closure_lead_s market auctions day_ahead energy devices schedules"
    " accuracy setpoints",
    ("factory", "operator"): "suspensions biddings settled saving orders",
    ("operator",): "ledger",
}

EXAMPLES = {
    "order_id": "5a1c9f4e-7a1f-5d43-9d67-1f0f3b1f7a10",
    "delivery_start": "2026-05-20T01:00:00Z",
    "month": "2026-05",
    "period": "2026-05-20",
    "participant_id": "hanbit-machining",
    "key_id": "x",
    "plan_id": "repair",
    "deed_id": "5e8f295c-0b8f-57b5-b345-1836260580ba",
}
# Facts of participants in the market, by name; what an auction charges in all is public, and so is a study's sum.
SEALED_NAMES = re.compile(
    r"(client_)?order_id|(buy|sell)_order_id|buyer_id|seller_id|trade_id|statement_id|invoice_id|issuance_id|.*_krw"
)
PUBLIC_MONEY = {"fees_krw"}


def golden_events() -> Iterator[Event]:
    """Yield an event of each type that the service reads; they tell of hanbit, changsin and daesung."""
    types = {event.event_type() for topic in topics_read_by("trading_api") for event in topic.events}
    for name in sorted(types):
        event = EVENT_TYPES[name].model_validate_json((GOLDEN / f"{name}.json").read_bytes())
        yield event.model_copy(update={"complex_id": COMPLEX})


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiBench]:
    """Return an API that has heard everything there is to hear, at the end that the market goes on."""
    bench = ApiBench(
        Path(tmp_path_factory.mktemp("api")), ApiOptions(docs=True, reads_per_s=10_000, writes_per_s=10_000)
    )
    with bench.client("planner") as planner, bench.client("hanbit") as hanbit:
        # Sealed: its gate is ahead.
        hanbit.post("/api/v1/orders", json=an_order(client_order_id="secret", price_krw_per_kwh="123.45"))
        hanbit.put("/api/v1/bidding", json={"mode": "off"})
        study_id = planner.post("/api/v1/studies", json={"trading_day": "2026-05-20"}).json()["study_id"]
    EXAMPLES["study_id"] = study_id
    result = StudyResult(
        battery_scale=1, pv_scale=1, tariff_option="as-is", cost_krw=777_777, grid_import_wh=5, grid_export_wh=0
    )
    bench.give(
        *golden_events(),
        a_reading(),
        a_reading(meter_id=f"{SEOJIN}.grid", participant_id=SEOJIN),
        an_observation(SEOJIN),
        StudyProgressed(complex_id=COMPLEX, study_id=study_id, done=1, total=1),
        StudyCompleted(complex_id=COMPLEX, study_id=study_id, results=(result,)),
    )
    bench.give(MarketResumed(complex_id=COMPLEX, resumed_at=NOON, operator="o"))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def app(bench: ApiBench) -> FastAPI:
    return bench.app(lambda app: add_console(app, bench.complexes))


def routes_of(app: FastAPI) -> Iterator[BaseRoute]:
    """Yield every route, those of routers that were included too."""
    for route in app.routes:
        included = getattr(route, "original_router", None)
        yield from [route] if included is None else included.routes


def calls_of(app: FastAPI) -> set[str]:
    calls = set()
    for route in routes_of(app):
        assert isinstance(route, Route | Mount), f"{route} has no audience that this test understands"
        methods = {""} if isinstance(route, Mount) else route.methods or {""}
        calls |= {f"{method} {route.path}".strip() for method in methods}
    return calls


def filled(path: str) -> str:
    return path.format(**EXAMPLES)


def status_of(address: str, who: str | None, method: str, path: str) -> int:
    """Return a call's status without waiting for the end of its answer: the stream's has none."""
    headers = {} if who is None else {"Authorization": f"Bearer {SECRETS[who]}"}
    with closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=WAIT_S)) as connection:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status


def asked(client: TestClient, call: str) -> Any:
    """Ask a question whose answer is to be looked at."""
    path = filled(call.removeprefix("GET "))
    needs_day = path.removeprefix("/api/v1/") in {"report", "batteries"}
    return client.get(path, params={"day": "2026-05-20"} if needs_day else {})


def test_every_route_has_a_stated_audience(app: FastAPI) -> None:
    assert calls_of(app) == STATED.keys() | PAGES


@pytest.mark.parametrize("who", ["hanbit", "operator", "planner", None])
def test_every_call_is_for_its_roles_and_says_so_before_it_looks_at_what_is_asked(
    bench: ApiBench, who: str | None
) -> None:
    role = {"hanbit": "factory", None: "nobody"}.get(who, who)
    with served(bench) as address:
        # A parameter that no call has: whoever may ask is told so, and nothing is done.
        answers = {call: status_of(address, who, *f"{filled(call)}?no_such=1".split()) for call in STATED}

    expected = {
        call: 422 if roles == ("anyone",) or role in roles else 401 if who is None else 403
        for call, roles in STATED.items()
    }
    assert answers == expected


def test_a_planner_reads_nothing_that_a_factory_does_or_is_paid_in_the_market(bench: ApiBench) -> None:
    questions = [call for call, roles in STATED.items() if "planner" in roles and call.startswith("GET ")]
    with bench.client("planner") as planner:
        answers = {call: asked(planner, call) for call in questions if not call.endswith("/stream")}

    assert {call: answer.status_code for call, answer in answers.items()} == dict.fromkeys(answers, 200)
    told = {call: sorted(sealed_in(answer.json())) for call, answer in answers.items()}
    # Money in sum, over the whole complex.
    assert told.pop("GET /api/v1/studies/{study_id}/results") == ["cost_krw"]
    assert told == {key: [] for key in told}
    text = "".join(answer.text for answer in answers.values())
    assert "hanbit-roof" in text, "a planner reads what is measured"
    assert not re.search(r"secret|123\.45|5a1c9f4e|9be2a7c1|batch-7|s:hanbit", text)


def sealed_in(found: Any) -> Iterator[str]:
    """Yield the names under which an answer says something of participants in the market."""
    if isinstance(found, list):
        for one in found:
            yield from sealed_in(one)
    if isinstance(found, dict):
        for name, inner in found.items():
            if SEALED_NAMES.fullmatch(name) and name not in PUBLIC_MONEY and inner is not None:
                yield name
            yield from sealed_in(inner)


def test_a_factory_reads_and_hears_no_other_factory_s_name(bench: ApiBench) -> None:
    questions = [call for call, roles in STATED.items() if "factory" in roles and call.startswith("GET ")]
    with bench.client("seojin") as seojin:
        answers = {call: asked(seojin, call) for call in questions if not call.endswith("/stream")}

    named = {
        call for call, answer in answers.items() if re.search("hanbit|changsin|daesung", answer.text, re.IGNORECASE)
    }
    assert named == set()
    missing = {call for call, answer in answers.items() if answer.status_code == 404}
    assert missing == {
        "GET /api/v1/orders/{order_id}",
        "GET /api/v1/invoices/{month}.csv",
        "GET /api/v1/invoices/{month}.pdf",
    }


@pytest.mark.parametrize("who", ["hanbit", "operator", "planner"])
def test_a_snapshot_shows_each_role_its_parts(bench: ApiBench, who: str) -> None:
    role = {"hanbit": "factory"}.get(who, who)
    with bench.client(who) as client:
        overview = client.get("/api/v1/overview", params={"day": "2026-05-20"}).json()

    stated = {part: roles for roles, parts in SHOWN.items() for part in parts.split()}
    assert overview.keys() == stated.keys()
    shown = {part for part, found in overview.items() if found not in ([], None)}
    # Changsin may not trade at the moment, hanbit may; and the day-ahead results are tomorrow's.
    absent = {"day_ahead", "suspensions"} if who == "hanbit" else {"day_ahead"}
    assert shown == {part for part, roles in stated.items() if role in roles} - absent


@pytest.mark.parametrize("who", ["hanbit", "seojin", "operator", "planner"])
def test_the_stream_tells_each_role_its_kinds_from_the_start_and_to_whoever_comes_back(
    bench: ApiBench, who: str
) -> None:
    role = {"hanbit": "factory", "seojin": "factory"}.get(who, who)
    with served(bench) as address, listening(address.removeprefix("http://"), who, last_event_id="0") as stream:
        said = list(itertools.takewhile(lambda one: one.kind != "devices", stream))
    with served(bench) as address, listening(address.removeprefix("http://"), who) as fresh:
        said.append(next(fresh))
        said.append(next(one for one in fresh if one.kind == "devices"))

    stated = {kind: roles for roles, kinds in HEARD.items() for kind in kinds.split()}
    heard = {one.kind for one in said}
    own = {kind for kind, roles in stated.items() if role in roles}
    assert heard <= own
    text = json.dumps([one.content for one in said])
    if who == "seojin":
        assert not re.search("hanbit|changsin|daesung", text)
    if who in {"operator", "planner"}:
        # Whoever sees the whole complex hears all of its kinds, so that nothing above holds for want of facts.
        assert heard == own
    if who == "planner":
        assert sorted(sealed_in([one.content for one in said])) == []
        assert not re.search(r"secret|123\.45|5a1c9f4e|9be2a7c1|batch-7|s:hanbit", text)


def test_every_kind_of_the_stream_has_a_stated_audience(bench: ApiBench) -> None:
    with bench.engine.connect() as db:
        kept = set(db.scalars(sa.select(STREAM.c.kind)))

    stated = {kind for kinds in HEARD.values() for kind in kinds.split()}
    assert kept == stated - {"snapshot", "devices"}


def test_a_browser_that_shows_an_answer_as_a_page_finds_the_icon_that_it_asks_for(bench: ApiBench) -> None:
    with served(bench) as address:
        status = status_of(address, None, "GET", "/favicon.ico")

    assert status == 200
