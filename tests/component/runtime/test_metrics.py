"""What a service's run loop and the forecast's accuracy show to Prometheus."""

import threading
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from cli.processes import free_port
from services.forecast import handlers, store
from services.forecast.__main__ import show_accuracy, told
from shared.complex.complexes import Complexes, load_complexes
from shared.complex.model import Complex
from shared.events.fems import IntervalMetered, Quality
from shared.events.forecast import AccuracyMeasured, ForecastKind
from shared.events.topics import TOPICS
from shared.intervals import INTERVAL
from shared.paths import DEMO_COMPLEX
from shared.runtime.metrics import Metrics
from shared.runtime.service_main import Context, serve
from tests.component.harness import Bench
from tests.component.trading_api.trading_api_bench import ApiBench

# 09:00 in Korea.
MORNING = datetime(2026, 5, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def complexes() -> Complexes:
    return load_complexes([DEMO_COMPLEX])


def metered(one: Complex, start: datetime) -> list[IntervalMetered]:
    return [
        IntervalMetered(
            complex_id=one.complex_id,
            meter_id=device.device_id,
            participant_id=device.participant_id,
            meter_kind=device.kind,
            delivery_start=start,
            import_wh=20_000,
            export_wh=0,
            quality=Quality.MEASURED,
        )
        for device in one.devices
    ]


def figures(metrics: Metrics) -> dict[str, float]:
    lines = (line for line in generate_latest(metrics.registry).decode().splitlines() if not line.startswith("#"))
    return {name: float(figure) for name, _, figure in (line.rpartition(" ") for line in lines)}


def test_loop_counts_what_it_takes_in_sets_aside_and_publishes(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = Bench(handlers.service(complexes), store.METADATA, tmp_path, MORNING)
    readings = metered(one, MORNING)
    stranger = readings[0].model_copy(update={"meter_id": "nobody.grid"})

    bench.give(*readings, stranger)

    shown = figures(bench.metrics)
    kind = f'{{type="{IntervalMetered.event_type()}"}}'
    assert shown[f"sandan_messages_handled_total{kind}"] == len(readings)
    assert shown["sandan_messages_set_aside_total"] == 1
    assert shown[f"sandan_handler_seconds_total{kind}"] > 0
    assert shown["sandan_message_age_seconds"] == 0
    topics = [topic.name for topic in TOPICS if topic.producer == "forecast"]
    published = sum(len(bench.bus.messages(topic)) for topic in topics)
    assert shown["sandan_messages_published_total"] == published > 0
    assert shown["sandan_ticks_total"] >= 1
    bench.close()


def test_accuracy_of_the_forecasts_is_shown_by_lead(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    metrics = Metrics()
    bench = Bench(told(handlers.service(complexes), metrics), store.METADATA, tmp_path, MORNING)
    bench.run()
    for step in range(4):
        start = MORNING + step * INTERVAL
        bench.give(*metered(one, start))
        bench.run(start + INTERVAL)

    event = next(found for found in bench.published(AccuracyMeasured) if found.kind is ForecastKind.LOAD)
    shown = figures(metrics)
    lead = next(site for site in event.sites if site.site_id is None).leads[0]
    labels = f'complex_id="{one.complex_id}",kind="load",lead_hours="0-0.25",site_id="all"'
    assert shown[f"sandan_forecast_nmae_ratio{{{labels}}}"] == lead.nmae
    assert shown[f"sandan_forecast_coverage_ratio{{{labels}}}"] == lead.coverage
    again = Metrics()
    show_accuracy(event, again)
    assert figures(again).items() <= shown.items()
    bench.close()


def test_process_shows_its_figures_on_its_port_while_it_runs(complexes: Complexes, tmp_path: Path) -> None:
    bench = Bench(handlers.service(complexes), store.METADATA, tmp_path, MORNING)
    context = Context(
        service="forecast",
        complexes=complexes,
        clock=bench.clock,
        engine=bench.engine,
        bus=bench.bus,
        heartbeat_file=tmp_path / "forecast.alive",
        metrics=Metrics(service="forecast"),
        metrics_port=free_port(),
    )
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(bench.service, context, stop))
    thread.start()
    try:
        text = ""
        for _ in range(200):
            if context.heartbeat_file.exists():
                with urllib.request.urlopen(f"http://127.0.0.1:{context.metrics_port}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
                break
            stop.wait(0.05)
    finally:
        stop.set()
        thread.join()
    bench.close()

    assert 'sandan_ticks_total{service="forecast"}' in text


def test_answers_are_timed_by_route_and_status_and_strangers_make_no_figures(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path)
    with bench.client("hanbit") as hanbit:
        hanbit.get("/api/v1/orders/first")
        hanbit.get("/api/v1/orders/second")
        hanbit.get("/api/v1/orders")
        hanbit.request("BREW", "/api/v1/orders")
        hanbit.get("/wp-login.php")

    counts = {
        name: figure for name, figure in figures(bench.metrics).items() if "http_request_duration_seconds_count" in name
    }
    assert counts == {
        f"sandan_http_request_duration_seconds_count{{{labels}}}": number
        for labels, number in {
            'method="GET",route="/api/v1/orders/{order_id}",status="404"': 2,
            'method="GET",route="/api/v1/orders",status="200"': 1,
            'method="other",route="/api/v1/orders",status="405"': 1,
            'method="GET",route="other",status="404"': 1,
        }.items()
    }
    bench.close()
