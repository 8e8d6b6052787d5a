"""Figures as Prometheus reads them, and the port that shows them."""

import contextlib
import socket
import urllib.error
import urllib.request

import pytest

from shared.errors import BadInput
from shared.runtime.metrics import FORECAST_NMAE, MESSAGES, METRICS, SET_ASIDE, Metrics, served


def test_figures_have_their_help_kind_and_labels_in_order() -> None:
    metrics = Metrics(service="market")
    metrics.count(MESSAGES, type="b")
    metrics.count(MESSAGES, 2, type="a")
    metrics.count(MESSAGES, type="b")
    metrics.show(FORECAST_NMAE, 0.25, site_id='a "roof"\\\n')
    metrics.show(FORECAST_NMAE, 0.125, site_id='a "roof"\\\n')

    assert metrics.exposition().splitlines() == [
        f"# HELP {MESSAGES} {METRICS[MESSAGES][1]}",
        f"# TYPE {MESSAGES} counter",
        f'{MESSAGES}{{service="market",type="a"}} 2',
        f'{MESSAGES}{{service="market",type="b"}} 2',
        f"# HELP {FORECAST_NMAE} {METRICS[FORECAST_NMAE][1]}",
        f"# TYPE {FORECAST_NMAE} gauge",
        f'{FORECAST_NMAE}{{service="market",site_id="a \\"roof\\"\\\\\\n"}} 0.125',
    ]


def test_gauge_is_no_counter() -> None:
    with pytest.raises(ValueError, match="must be a gauge"):
        Metrics().count(FORECAST_NMAE)


def test_port_answers_metrics_and_nothing_else() -> None:
    metrics = Metrics()
    with served(metrics, "127.0.0.1", 0) as port:
        metrics.count(SET_ASIDE, 3)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics?x=1", timeout=5) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
        refused.value.close()

    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert f"{SET_ASIDE} 3\n" in text
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)


def test_connections_without_a_word_take_so_many_places_and_no_more() -> None:
    with served(Metrics(), "127.0.0.1", 0) as port, contextlib.ExitStack() as held:
        clients = [held.enter_context(socket.create_connection(("127.0.0.1", port or 0), 5)) for _ in range(40)]
        # The 16 that have a place are waited for; all others are closed, which reads as an end.
        ended = [client for client in clients[16:] if client.recv(1) == b""]
        for client in clients[:16]:
            client.close()

        assert len(ended) == 24
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                assert answer.status == 200
                break


def test_port_that_is_taken_is_bad_input() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match="SANDAN_METRICS_PORT must be an address that can be listened on"):
            served(Metrics(), "127.0.0.1", port).__enter__()


def test_no_port_is_no_server() -> None:
    with served(Metrics(), "127.0.0.1", None) as port:
        assert port is None
