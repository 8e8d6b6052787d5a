"""A database that is away, hung or exhausted passes: waits are bounded, and all goes on once it does."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from services.trading_api.http.limits import PLACES
from shared.db.bounded import connection_class
from shared.db.engine import DATABASE_FAULTS, open_engine, service_url
from shared.db.revisions import require_newest
from shared.events.orders import OrderSubmitted
from shared.runtime.runloop import PASSING_FAULTS
from shared.runtime.service_main import patiently
from tests.component.trading_api.serving import served
from tests.component.trading_api.trading_api_bench import SECRETS, ApiBench, an_order
from tests.contract.holding_proxy import HoldingProxy, holding_proxy

SHORT_S = 0.3
# Far longer than what a test takes: nothing that hangs ends by itself.
LONG_S = 60.0
# Of the web framework's threads; the hung calls of a test would take all of them and more.
CALLS = 45


@pytest.fixture
def proxy(postgres_server: sa.URL) -> Iterator[HoldingProxy]:
    with holding_proxy(f"{postgres_server.query['host']}/.s.PGSQL.5432") as proxy:
        yield proxy
        proxy.release()


def through(proxy: HoldingProxy, database: str | None) -> str:
    """Return a database's URL through the proxy."""
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}"


@contextmanager
def a_bench(proxy: HoldingProxy, database_url: str) -> Iterator[ApiBench]:
    """Run the trading API on a database behind the proxy."""
    url = through(proxy, sa.make_url(database_url).database)
    bench = ApiBench(url)
    bench.close()
    bench.engine = open_engine(service_url(url, "trading_api"), answer_s=SHORT_S)
    bench.restart()
    yield bench
    proxy.release()
    bench.close()


def status_of(client: httpx.Client, path: str, *, wait_s: float = 10.0) -> int | str:
    """Return the status of an answer, or what kept it from coming."""
    try:
        return client.get(path, timeout=wait_s).status_code
    except httpx.TimeoutException:
        return "silence"


def test_a_statement_that_a_hung_server_never_answers_is_a_passing_fault(proxy: HoldingProxy) -> None:
    engine = open_engine(service_url(through(proxy, "postgres"), "market"), answer_s=SHORT_S)
    with engine.connect() as db:
        assert db.exec_driver_sql("SELECT 1").scalar() == 1
        proxy.hold()

        with pytest.raises(DATABASE_FAULTS, match="did not answer"):
            db.exec_driver_sql("SELECT 2")

    proxy.release()
    with engine.connect() as db:
        assert db.exec_driver_sql("SELECT 3").scalar() == 3
    engine.dispose()


def test_a_process_that_is_to_end_waits_no_longer_for_a_hung_server(proxy: HoldingProxy) -> None:
    ending = threading.Event()
    kind = connection_class(LONG_S, ending=ending, last_answer_s=0.0)
    with kind.connect(f"host=127.0.0.1 port={proxy.port} user=postgres dbname=postgres") as db:
        db.execute("SELECT 1")
        proxy.hold()
        ending.set()

        with pytest.raises(psycopg.OperationalError, match="did not answer"):
            db.execute("SELECT 2")


def test_a_database_that_is_away_at_the_start_is_no_bad_input_but_a_fault_that_passes() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    engine = open_engine(service_url(f"postgresql://postgres@127.0.0.1:{port}/postgres", "market"))

    with pytest.raises(PASSING_FAULTS):
        require_newest(engine, "market")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_server_ends_what_takes_too_long_and_the_connection_lives_on(database_url: str) -> None:
    engine = open_engine(service_url(database_url, "market"), answer_s=SHORT_S)

    with engine.connect() as db:
        with pytest.raises(DATABASE_FAULTS, match="statement timeout"):
            db.exec_driver_sql("SELECT pg_sleep(60)")
        db.rollback()
        assert db.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()


def test_a_pool_without_a_free_connection_is_waited_out(tmp_path: Path) -> None:
    engine = open_engine(sa.make_url(f"sqlite:///{tmp_path / 'market.db'}"), answer_s=SHORT_S, connections_max=1)
    answers: list[object] = []
    taken = engine.connect()

    def ask() -> None:
        try:
            with engine.connect() as db:
                answers.append(db.exec_driver_sql("SELECT 1").scalar())
        except BaseException as fault:
            answers.append(type(fault))
            taken.close()
            raise

    done = patiently(ask, threading.Event())

    assert done
    assert answers == [sa.exc.TimeoutError, 1]
    engine.dispose()


def test_while_all_calls_hang_in_the_database_the_process_says_that_it_lives(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path)
    bench.close()
    bench.engine = open_engine(bench.engine.url, answer_s=LONG_S, connections_max=1)
    headers = {"Authorization": f"Bearer {SECRETS['hanbit']}"}
    with (
        served(bench) as address,
        httpx.Client(base_url=address, headers=headers) as client,
        ThreadPoolExecutor(CALLS) as callers,
    ):
        assert status_of(client, "/api/v1/orders") == 200
        # Every question waits for the only connection.
        taken = bench.engine.connect()
        calls = [callers.submit(status_of, client, "/api/v1/orders", wait_s=LONG_S) for _ in range(CALLS)]
        # Those beyond the places are told to come again; by then the others hang.
        turned_away = [call.result() for call in islice(as_completed(calls), CALLS - PLACES)]

        assert turned_away == [503] * (CALLS - PLACES)
        assert status_of(client, "/health/live") == 200
        assert status_of(client, "/health/ready") == 503
        assert status_of(client, "/asyncapi.json") == 200

        taken.close()
        assert {call.result() for call in calls} <= {200, 503}
        assert status_of(client, "/api/v1/orders") == 200
    bench.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_was_acknowledged_before_a_database_hung_is_there_after_it_and_the_rest_may_be_sent_again(
    proxy: HoldingProxy, database_url: str
) -> None:
    with a_bench(proxy, database_url) as bench, bench.client("hanbit") as hanbit:
        acknowledged = hanbit.post("/api/v1/orders", json=an_order(client_order_id="before"))
        proxy.hold()
        refused = hanbit.post("/api/v1/orders", json=an_order(client_order_id="during"))
        with pytest.raises(PASSING_FAULTS):
            bench.run()
        proxy.release()
        # What was on its way when the database hung may have arrived, or not.
        again = hanbit.post("/api/v1/orders", json=an_order(client_order_id="during"))
        bench.run()
        listed = hanbit.get("/api/v1/orders").json()["items"]

    assert (acknowledged.status_code, refused.status_code) == (201, 503)
    assert refused.headers["Retry-After"] == "2"
    assert refused.json()["code"] == "unavailable"
    assert again.status_code in {200, 201}
    assert sorted(order["client_order_id"] for order in listed) == ["before", "during"]
    submitted = [event.client_order_id for event in bench.published(OrderSubmitted)]
    assert sorted(submitted) == ["before", "during"]
