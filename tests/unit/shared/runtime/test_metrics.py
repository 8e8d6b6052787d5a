"""Figures as Prometheus reads them, and the port that shows them."""

import contextlib
import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import generate_latest

from shared.errors import BadInput
from shared.runtime.metrics import FORECAST_NMAE, HANDLER_DURATION, MESSAGES, METRICS, SET_ASIDE, Metrics, served

SITE = {"complex_id": "changwon", "kind": "pv", "lead_hours": "0-1", "site_id": 'a "roof"\\\n'}


def shown(metrics: Metrics, name: str) -> list[str]:
    """Return the lines of one metric."""
    return [line for line in generate_latest(metrics.registry).decode().splitlines() if name in line]


def test_figures_have_their_help_kind_and_labels_in_order() -> None:
    metrics = Metrics(service="market")
    metrics.count(MESSAGES, type="b")
    metrics.count(MESSAGES, 2, type="a")
    metrics.count(MESSAGES, type="b")
    metrics.show(FORECAST_NMAE, 0.25, **SITE)
    metrics.show(FORECAST_NMAE, 0.125, **SITE)

    assert sorted(shown(metrics, MESSAGES)) == [
        f"# HELP {MESSAGES} {METRICS[MESSAGES].meaning}",
        f"# TYPE {MESSAGES} counter",
        f'{MESSAGES}{{service="market",type="a"}} 2.0',
        f'{MESSAGES}{{service="market",type="b"}} 2.0',
    ]
    labels = 'complex_id="changwon",kind="pv",lead_hours="0-1",service="market",site_id="a \\"roof\\"\\\\\\n"'
    assert shown(metrics, FORECAST_NMAE)[2:] == [f"{FORECAST_NMAE}{{{labels}}} 0.125"]


def test_durations_fall_into_buckets_that_add_up() -> None:
    metrics = Metrics(service="market")
    for seconds in (0.0009, 0.002, 0.3, 100.0):
        metrics.observe(HANDLER_DURATION, seconds, type="a")

    figures = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in shown(metrics, HANDLER_DURATION)}
    for bucket, messages in {
        "0.001": "1.0",
        "0.0025": "2.0",
        "0.25": "2.0",
        "0.5": "3.0",
        "30.0": "3.0",
        "+Inf": "4.0",
    }.items():
        assert figures[f'{HANDLER_DURATION}_bucket{{le="{bucket}",service="market",type="a"}}'] == messages
    # 0.0009 + 0.002 + 0.3 + 100
    assert float(figures[f'{HANDLER_DURATION}_sum{{service="market",type="a"}}']) == pytest.approx(100.3029)


def test_processes_in_one_interpreter_share_no_figure() -> None:
    one, other = Metrics(service="market"), Metrics(service="settlement")

    one.count(SET_ASIDE)

    assert shown(one, SET_ASIDE)[2:] == [f'{SET_ASIDE}{{service="market"}} 1.0']
    assert shown(other, SET_ASIDE)[2:] == []
    assert all("sandan_" in line for line in generate_latest(one.registry).decode().splitlines()), (
        "nothing of the interpreter"
    )


@pytest.mark.parametrize("labels", [{}, {"kind": "pv"}, {**SITE, "type": "a"}])
def test_figure_without_its_labels_is_refused(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics(service="forecast").show(FORECAST_NMAE, 0.25, **labels)


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
    assert f"{SET_ASIDE} 3.0\n" in text
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
