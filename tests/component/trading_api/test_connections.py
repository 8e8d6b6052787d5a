import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import psutil
import pytest
from starlette.testclient import TestClient

from services.trading_api.http import connections, guard
from services.trading_api.http.state import ApiOptions
from shared.runtime.logs import Repeats
from tests.component.trading_api.serving import served, until
from tests.component.trading_api.trading_api_bench import SECRETS, ApiBench, an_order

# What is waited for comes in well under a second; what never comes ends the test.
NEVER_S = 20
REFUSALS = 5


@pytest.fixture
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)
    monkeypatch.setattr(connections, "STALL_S", 0.3)
    monkeypatch.setattr(guard, "BODY_S", 0.3)


@pytest.fixture
def long_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 600.0)
    monkeypatch.setattr(guard, "BODY_S", 600.0)


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), NEVER_S) as client:
        yield client


def request(who: str | None, path: str, *, method: str = "GET", length: int = 0, more: str = "") -> bytes:
    key = "" if who is None else f"authorization: Bearer {SECRETS[who]}\r\n"
    size = f"content-length: {length}\r\ncontent-type: application/json\r\n" if length else ""
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n{key}{size}{more}\r\n".encode()


def status_of(client: socket.socket, asked: bytes) -> int:
    client.sendall(asked)
    answer = HTTPResponse(client)
    answer.begin()
    if answer.length is not None:
        # To its end: what is left of one answer would be taken for the next.
        answer.read()
    return answer.status


def is_ended(client: socket.socket) -> bool:
    """Wait until the server has ended a connection."""
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.usefixtures("long_deadlines")
def test_connections_without_a_word_make_room_for_whoever_asks(bench: ApiBench) -> None:
    with contextlib.ExitStack() as held, served(bench, connections=20) as address:
        for _ in range(60):
            held.enter_context(connected(address))
        with connected(address) as client:
            assert status_of(client, request("hanbit", "/api/v1/orders")) == 200


@pytest.mark.usefixtures("long_deadlines")
def test_bodies_that_do_not_come_make_room_for_whoever_asks(bench: ApiBench) -> None:
    with contextlib.ExitStack() as held, served(bench, connections=20) as address:
        for _ in range(60):
            client = held.enter_context(connected(address))
            client.sendall(request(None, "/console/session", method="POST", length=100) + b"{")
        with connected(address) as client:
            assert status_of(client, request("hanbit", "/api/v1/orders")) == 200


@pytest.mark.usefixtures("long_deadlines")
def test_a_caller_who_is_known_keeps_the_connection_when_others_crowd_in(bench: ApiBench) -> None:
    with contextlib.ExitStack() as held, served(bench, connections=20) as address, connected(address) as client:
        assert status_of(client, request("hanbit", "/api/v1/orders")) == 200
        for _ in range(60):
            held.enter_context(connected(address))
        with connected(address) as newest:
            assert status_of(newest, request(None, "/health/live")) == 200

        assert status_of(client, request("hanbit", "/api/v1/orders")) == 200


@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.parametrize("said", [b"", b"GET /health/live HTTP/1.1\r\nx: "], ids=["nothing", "half a header"])
def test_a_connection_that_asks_for_nothing_is_ended(bench: ApiBench, said: bytes) -> None:
    with served(bench) as address, connected(address) as client:
        client.sendall(said)

        assert is_ended(client)


@pytest.mark.usefixtures("short_deadlines")
def test_a_body_that_does_not_come_is_answered_with_408(bench: ApiBench) -> None:
    with served(bench) as address, connected(address) as client:
        asked = request("hanbit", "/api/v1/orders", method="POST", length=1_000)

        assert status_of(client, asked + b'{"side": ') == 408
        assert is_ended(client)


def test_a_body_that_is_cut_off_is_a_line_for_debugging(bench: ApiBench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with served(bench) as address:
        with connected(address) as client:
            client.sendall(request("hanbit", "/api/v1/orders", method="POST", length=1_000) + b'{"side": ')
        with connected(address) as client:  # the one before is dealt with when this one is answered
            assert status_of(client, request("hanbit", "/api/v1/orders")) == 200

    [said] = [one for one in caplog.records if "cut off" in one.getMessage()]
    assert said.levelno == logging.DEBUG
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.mark.usefixtures("short_deadlines")
def test_a_client_that_takes_nothing_is_let_go(bench: ApiBench) -> None:
    with served(bench) as address, connected(address) as client:
        # Answers that nobody takes fill the buffers of both sides, and the server waits for this client.
        client.sendall(200 * request(None, "/openapi.json"))
        here = client.getsockname()

        until(lambda: not [one for one in psutil.Process().net_connections() if one.raddr == here])


def test_a_key_and_a_participant_have_so_many_live_connections(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path, options=ApiOptions(streams_per_key=2, streams_per_participant=3))
    with served(bench) as address, contextlib.ExitStack() as held:
        streams = [held.enter_context(connected(address)) for _ in range(3)]
        asked = request("hanbit", "/api/v1/stream")
        answers = [status_of(client, asked) for client in streams]
        with connected(address) as other:
            assert status_of(other, request("seojin", "/api/v1/stream")) == 200
        streams[0].close()

        assert answers == [200, 200, 429]
        with connected(address) as again:
            until_status(again, asked, 200)


def until_status(client: socket.socket, asked: bytes, status: int) -> None:
    for _ in range(200):
        if status_of(client, asked) == status:
            return
    raise AssertionError(f"never answered with {status}")


def test_an_address_that_is_refused_too_often_waits_but_not_whom_it_is_shared_with(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path, options=ApiOptions(refusals_per_min=REFUSALS))
    with TestClient(bench.app(), raise_server_exceptions=False) as client:
        known = {"Authorization": f"Bearer {SECRETS['hanbit']}"}
        assert client.get("/api/v1/orders", headers=known).status_code == 200
        guessed = [
            client.get("/api/v1/orders", headers={"Authorization": f"Bearer guess-{number:030}"})
            for number in range(REFUSALS + 1)
        ]
        forbidden = client.get("/api/v1/audit", headers=known)

        assert [one.status_code for one in guessed] == [401] * REFUSALS + [429]
        assert guessed[-1].json()["code"] == "too_many_refusals"
        assert 1 <= int(guessed[-1].headers["Retry-After"]) <= 60
        assert forbidden.status_code == 403
        assert client.get("/api/v1/orders", headers=known).status_code == 200


def test_what_is_forbidden_counts_against_the_address_too(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path, options=ApiOptions(refusals_per_min=REFUSALS))
    with TestClient(bench.app(), raise_server_exceptions=False) as client:
        for _ in range(REFUSALS):
            client.get("/api/v1/audit", headers={"Authorization": f"Bearer {SECRETS['hanbit']}"})

        assert client.get("/api/v1/orders").json()["code"] == "too_many_refusals"


def test_an_address_signs_in_so_often_a_minute(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path, options=ApiOptions(sign_ins_per_min=2))
    with TestClient(bench.app(), raise_server_exceptions=False) as client:
        answers = [client.post("/console/session", json={"key": SECRETS["hanbit"]}).status_code for _ in range(3)]

    assert answers == [204, 204, 429]


def test_an_order_that_waits_for_its_body_is_taken_once_it_is_there(bench: ApiBench) -> None:
    body = json.dumps(an_order()).encode()
    with served(bench) as address, connected(address) as client:
        client.sendall(request("hanbit", "/api/v1/orders", method="POST", length=len(body)) + body[:10])

        assert status_of(client, body[10:]) == 201


def test_a_message_that_repeats_is_written_so_often_a_minute() -> None:
    repeats = Repeats(most_per_min=3)

    def written(level: int, message: str) -> bool:
        return repeats.filter(logging.LogRecord("uvicorn.error", level, "", 0, message, (), None))

    assert [written(logging.WARNING, "refused") for _ in range(5)] == [True, True, True, False, False]
    assert written(logging.WARNING, "another")
    assert all(written(logging.INFO, "auction cleared") for _ in range(10))
