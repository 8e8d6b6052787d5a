import contextlib
import http.client
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from services.trading_api.live import feed
from services.trading_api.log import stream as log
from services.trading_api.log.tables import STREAM
from tests.component.trading_api.serving import served, until
from tests.component.trading_api.test_orders import an_auction
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, SECRETS, SEOJIN, ApiBench, an_order
from tests.component.trading_api.trading_api_facts import a_reading, an_observation

WAIT_S = 20


@dataclass(frozen=True)
class Said:
    """One server-sent event."""

    kind: str
    number: int | None
    content: Any


@pytest.fixture
def address(bench: ApiBench) -> Iterator[str]:
    with served(bench) as address:
        yield address.removeprefix("http://")


@contextmanager
def listening(address: str, who: str, last_event_id: str | None = None) -> Iterator[Iterator[Said]]:
    connection = http.client.HTTPConnection(address, timeout=WAIT_S)
    headers = {"Authorization": f"Bearer {SECRETS[who]}"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    connection.request("GET", "/api/v1/stream", headers=headers)
    response = connection.getresponse()
    assert response.status == 200
    try:
        yield events(response)
    finally:
        response.close()
        connection.close()


def events(response: http.client.HTTPResponse) -> Iterator[Said]:
    """Yield what a stream says, without the clock that it says every second."""
    fields: dict[str, str] = {}
    seconds_of_silence = 0
    for line in response:
        name, _, content = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = content
            continue
        kind = fields.get("event", "clock")
        if kind != "clock":
            seconds_of_silence = 0
            yield Said(kind, int(fields["id"]) if "id" in fields else None, json.loads(fields["data"]))
        seconds_of_silence += 1
        assert seconds_of_silence < WAIT_S, "the stream has nothing more to say"
        fields = {}


def order(address: str, who: str, client_order_id: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=WAIT_S)
    headers = {"Authorization": f"Bearer {SECRETS[who]}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/orders", json.dumps(an_order(client_order_id=client_order_id)), headers)
    assert connection.getresponse().status == 201
    connection.close()


def test_a_stream_begins_with_a_snapshot_and_goes_on_with_numbered_events(address: str) -> None:
    order(address, "hanbit", "before")

    with listening(address, "hanbit") as stream:
        snapshot = next(stream)
        order(address, "hanbit", "after")
        event = next(stream)

    assert (snapshot.kind, snapshot.number) == ("snapshot", 1)
    assert [one["client_order_id"] for one in snapshot.content["orders"]] == ["before"]
    assert (event.kind, event.number, event.content["client_order_id"]) == ("order", 2, "after")


def test_a_client_that_comes_back_hears_what_it_missed_and_no_snapshot(address: str) -> None:
    for name in ("one", "two", "three"):
        order(address, "hanbit", name)

    with listening(address, "hanbit", last_event_id="1") as stream:
        heard = [next(stream), next(stream)]

    assert [(said.number, said.content["client_order_id"]) for said in heard] == [(2, "two"), (3, "three")]


@pytest.mark.parametrize("last_event_id", ["99", "-1", "x", "1" * 30, ""])
def test_a_number_that_was_never_given_leads_to_a_new_snapshot(address: str, last_event_id: str) -> None:
    order(address, "hanbit", "one")

    with listening(address, "hanbit", last_event_id=last_event_id) as stream:
        assert next(stream).kind == "snapshot"


def test_a_number_from_before_what_is_kept_leads_to_a_new_snapshot(bench: ApiBench, address: str) -> None:
    for name in ("one", "two", "three"):
        order(address, "hanbit", name)
    with bench.engine.begin() as db:
        db.execute(STREAM.delete().where(STREAM.c.sequence <= 2))

    with listening(address, "hanbit", last_event_id="1") as stale, listening(address, "hanbit", "2") as fresh:
        assert next(stale).kind == "snapshot"
        assert next(fresh).content["client_order_id"] == "three"


def test_a_factory_hears_its_own_orders_and_the_public_auction_only(bench: ApiBench, address: str) -> None:
    with listening(address, "seojin") as seojin, listening(address, "operator") as operator:
        next(seojin), next(operator)
        order(address, "hanbit", "secret")
        with bench.engine.connect() as db:
            order_id = db.execute(STREAM.select()).one().payload["order_id"]
        bench.give(an_auction(order_id, filled_wh=5_000))
        bench.give(an_observation(HANBIT), an_observation(SEOJIN))

        heard_by_operator = [next(operator).kind for _ in range(3)]
        heard_by_seojin = [next(seojin) for _ in range(2)]

    assert heard_by_operator == ["order", "auction", "order"]
    assert [said.kind for said in heard_by_seojin] == ["auction", "devices"]
    assert "secret" not in json.dumps([said.content for said in heard_by_seojin])
    assert [device["participant_id"] for device in heard_by_seojin[1].content] == [SEOJIN]


def test_a_reading_is_told_once_however_often_it_comes_and_no_older_one_after_it(
    bench: ApiBench, operator: TestClient
) -> None:
    first = a_reading()
    later = first.model_copy(update={"import_wh": 12_000, "reading_version": 3})
    between = first.model_copy(update={"import_wh": 11_000, "reading_version": 2})

    bench.give(first, first, later, between)
    bench.give(later, first, between)

    with bench.engine.connect() as db:
        told = [(row["kind"], row["payload"]["import_kwh"]) for row in log.stream_after(db, COMPLEX, 0)]
    assert told == [("reading", "12.345"), ("corrected", "12.000")]
    [kept] = operator.get("/api/v1/readings").json()["items"]
    assert (kept["import_kwh"], kept["reading_version"]) == ("12.000", 3)


def test_what_is_kept_of_the_stream_is_bounded(bench: ApiBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "STREAM_KEPT", 2)
    entry = log.StreamEntry("all", "market", {"halted": False, "reason": ""})
    with bench.engine.begin() as db:
        log.append_to_stream(db, COMPLEX, [entry] * 5, now=NOON)

    # The gate of the next interval closes; its seal is when the stream is pruned.
    bench.run(until=NOON + timedelta(minutes=15))

    with bench.engine.connect() as db:
        assert [row["sequence"] for row in log.stream_after(db, COMPLEX, 0)] == [4, 5]


def test_a_client_that_missed_many_pages_hears_all_of_it_once_and_in_order(bench: ApiBench, address: str) -> None:
    entries = [log.StreamEntry("all", "market", {"halted": False, "reason": str(number)}) for number in range(1_201)]
    with bench.engine.begin() as db:
        log.append_to_stream(db, COMPLEX, entries, now=NOON)

    with listening(address, "hanbit", last_event_id="0") as stream:
        heard = [next(stream) for _ in entries]

    with bench.engine.connect() as db:
        assert len(log.stream_after(db, COMPLEX, 0)) == 500
    assert [said.number for said in heard] == list(range(1, 1_202))
    assert [said.content["reason"] for said in heard] == [str(number) for number in range(1_201)]


def test_what_can_not_be_read_once_ends_no_stream(
    bench: ApiBench, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SILENCE_S_MAX", 1.5, raising=False)
    with listening(address, "hanbit") as stream:
        next(stream)
        with bench.engine.begin() as db:
            log.append_to_stream(
                db, COMPLEX, [log.StreamEntry("all", "market", {"halted": True, "reason": ""})], now=NOON
            )
            db.execute(sa.update(STREAM).values(payload=sa.literal_column("'no JSON'")))
        until(lambda: not ready(address)["stream"])
        with bench.engine.begin() as db:
            db.execute(sa.update(STREAM).values(payload={"halted": True, "reason": "mended"}))

        assert next(stream).content["reason"] == "mended"
        assert ready(address)["stream"]


def test_a_stream_ends_quietly_where_its_database_is_away(
    bench: ApiBench, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with bench.engine.begin() as db:
        db.execute(sa.text("ALTER TABLE stream RENAME TO away"))

    with listening(address, "hanbit", last_event_id="1") as stream:
        assert list(stream) == []

    said = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "a live connection was ended: the database is away" in {one.getMessage() for one in said}
    assert [one for one in said if one.exc_info] == []


def test_a_server_with_many_open_streams_ends(bench: ApiBench) -> None:
    threads = set(threading.enumerate())
    with contextlib.ExitStack() as streams, served(bench) as address:
        for number in range(48):
            who = ("hanbit", "seojin", "operator")[number % 3]
            next(streams.enter_context(listening(address.removeprefix("http://"), who)))

    # `served` waits 10 s for its server, as those who stop the real one do.
    assert not [one.name for one in set(threading.enumerate()) - threads if "AnyIO" not in one.name]


def ready(address: str) -> dict[str, bool]:
    connection = http.client.HTTPConnection(address, timeout=WAIT_S)
    connection.request("GET", "/health/ready")
    facts: dict[str, bool] = json.loads(connection.getresponse().read())
    connection.close()
    return facts
