"""`sandan demo`: a whole trading day of the demo complex, on a broker and real processes."""

import csv
import json
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.deployment import DEFAULT_FOLDER, Deployment, Plan, key_of, open_deployment
from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer, writing
from cli.processes import free_port, require_free_port
from shared.clock import Pace, monotonic_s, pause, wall_now, write_pace
from shared.complexes import load_complex
from shared.errors import BadInput
from shared.intervals import INTERVALS_PER_DAY, KST, day_start
from shared.paths import DEMO_COMPLEX

# The clock starts this long before the day, so that the first auctions have forecasts and orders.
WARM_UP = timedelta(minutes=50)
# The day's last interval is metered and settled a little after its end; later than this something is wrong.
AFTERMATH = timedelta(hours=2)
HISTORY_DAYS = 28
FACTORIES_MAX = 200
SPEED_MAX = 3600.0


@dataclass(frozen=True)
class Day:
    """What the demo runs."""

    day: date
    factories: int
    speed: float
    port: int
    folder: Path


def demo(
    factories: Annotated[int, typer.Option(help="How many factories; beyond 12 they repeat. / 공장 수.")] = 12,
    day: Annotated[str, typer.Option(help="The Korean day to trade. / 거래일.")] = "2026-05-20",
    speed: Annotated[float, typer.Option(help="Simulated seconds a second. / 배속.")] = 300,
    port: Annotated[int, typer.Option(help="Port of the console and the API. / 콘솔 포트.")] = 8000,
    report: Annotated[Path | None, typer.Option(help="Write the summary to this file, too. / 요약 파일.")] = None,
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop after the day; exit 0 only if its books balance. / 하루 뒤 종료.")
    ] = False,
    *,
    pretty: Pretty = False,
) -> None:
    """Run a whole trading day of the demo complex, then serve the console until Ctrl-C. / 데모 산단의 하루."""
    wanted = checked(day=day, factories=factories, speed=speed, port=port)
    screen = Console(stderr=True)
    with writing(report) as drafts, running(wanted, screen) as deployment:
        summary = trade(wanted, deployment, screen)
        for draft in drafts.values():
            draft.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
        print_answer(summary, pretty=pretty)
        sys.stdout.flush()
        if not leave:
            _serve_until_interrupted(deployment, screen)
    if not summary["balanced"]:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def checked(*, day: str, factories: int, speed: float, port: int) -> Day:
    """Refuse what the demo can't run, by name."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise _bad("--day", "must be a date as YYYY-MM-DD", day) from None
    if not 2 <= factories <= FACTORIES_MAX:  # noqa: PLR2004 -- one factory alone has nobody to trade with
        raise _bad("--factories", f"must be between 2 and {FACTORIES_MAX}", factories)
    if not 1 <= speed <= SPEED_MAX:
        raise _bad("--speed", f"must be between 1 and {SPEED_MAX:.0f}", speed)
    if not 1 <= port <= 65_535:  # noqa: PLR2004 -- TCP's own limit
        raise _bad("--port", "must be between 1 and 65535", port)
    require_free_port(port, setting="--port")
    return Day(wanted, factories, speed, port, DEFAULT_FOLDER / f"demo-{port}")


@contextmanager
def running(wanted: Day, screen: Console) -> Iterator[Deployment]:
    """Start the demo's system with its clock standing, and stop it in the end."""
    shutil.rmtree(wanted.folder, ignore_errors=True)
    wanted.folder.mkdir(parents=True)
    complex_file = _write_complex(wanted)
    clock_file = wanted.folder / "clock.json"
    start = day_start(wanted.day) - WARM_UP
    write_pace(clock_file, Pace(start=start, speed=wanted.speed, epoch=None))
    with screen.status("making the meter history of the four weeks before"):
        history_file = _write_history(complex_file, wanted)
    plan = Plan(
        folder=wanted.folder,
        complexes=(complex_file,),
        port=wanted.port,
        clock_file=clock_file,
        history_file=history_file,
    )
    with screen.status("starting") as status:
        deployment = open_deployment(plan, status.update)
    try:
        complex_id = load_complex(complex_file).complex_id
        key = key_of(plan.keys_file, role="operator", complex_id=complex_id)
        screen.print(f"console: [bold]{plan.console_url}#key={key}[/bold]", soft_wrap=True)
        screen.print(f"broker: {deployment.broker.kind}; keys of all roles: {plan.keys_file}", soft_wrap=True)
        screen.print("all factories, sun and batteries are synthetic / 모든 공장, 태양광, 배터리는 가상입니다")
        write_pace(clock_file, Pace(start=start, speed=wanted.speed, epoch=wall_now()))
        yield deployment
    finally:
        with screen.status("stopping"):
            deployment.stop()


def trade(wanted: Day, deployment: Deployment, screen: Console) -> dict[str, Any]:
    """Let the day pass and return its summary."""
    began_s = monotonic_s()
    wall_s_max = (WARM_UP + timedelta(days=1) + AFTERMATH).total_seconds() / wanted.speed
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:.0f}/{task.total} intervals settled"),
        TimeElapsedColumn(),
    )
    report: dict[str, Any] = {}
    with Progress(*columns, console=screen) as progress:
        task = progress.add_task(f"{wanted.day}", total=INTERVALS_PER_DAY)
        while monotonic_s() - began_s < wall_s_max:
            pause(0.5)
            deployment.restart_ended(progress.console.print)
            report = _fetch_report(wanted, deployment) or report
            settled = int(report.get("intervals_settled", 0))
            progress.update(task, completed=settled, description=_caption(wanted, report))
            if settled == INTERVALS_PER_DAY and report["statements"] == wanted.factories:
                break
    wall_s = round(monotonic_s() - began_s, 1)
    _stop_clock(wanted)
    return summary_of(wanted, report, deployment, wall_s=wall_s)


def summary_of(wanted: Day, report: dict[str, Any], deployment: Deployment, *, wall_s: float) -> dict[str, Any]:
    """Return the report with what only the launcher knows."""
    from shared.bus.kafka import KafkaBus

    balanced = (
        report.get("intervals_settled") == INTERVALS_PER_DAY
        and report.get("statements") == wanted.factories
        and report.get("ledger_sum_krw") == 0
    )
    return {
        **report,
        "broker": deployment.broker.kind,
        "intervals": INTERVALS_PER_DAY,
        "balanced": balanced,
        "synthetic": True,
        "speed": wanted.speed,
        "wall_s": wall_s,
        "kafka_messages": KafkaBus(deployment.broker.bootstrap_servers).messages_held(),
        "cpu_s": deployment.cpu_seconds(),
        "restarts": sum(child.restarts for child in deployment.children.values()),
    }


def _caption(wanted: Day, report: dict[str, Any]) -> str:
    if not report:
        return str(wanted.day)
    price = report.get("average_price_krw_per_kwh")
    shown = "no trade yet" if price is None else f"{report['traded_kwh']} kWh at {price} KRW/kWh"
    return f"{wanted.day}  {shown}"


def _fetch_report(wanted: Day, deployment: Deployment) -> dict[str, Any] | None:
    """Return the API's report of the day, or None while it doesn't answer."""
    complex_id = load_complex(deployment.plan.complexes[0]).complex_id
    key = key_of(deployment.plan.keys_file, role="operator", complex_id=complex_id)
    request = urllib.request.Request(  # noqa: S310 -- our own address
        f"{deployment.plan.console_url}api/v1/report?day={wanted.day}", headers={"Authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 -- as above
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError:
        return None


def _write_complex(wanted: Day) -> Path:
    """Write the demo's complex with as many factories as wanted, and device ports that are free."""
    content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    templates = content["participants"]
    content["participants"] = [
        _factory(templates[n % len(templates)], copy=n // len(templates)) for n in range(wanted.factories)
    ]
    content["field_network"]["port"] = free_port()
    # Once a second is as often as anyone looks; on the simulated clock that is every `speed` seconds.
    content["field_network"]["poll_interval_s"] = max(1, min(900, round(wanted.speed)))
    path = wanted.folder / "complex.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def _factory(template: dict[str, Any], *, copy: int) -> dict[str, Any]:
    if copy == 0:
        return template
    made: dict[str, Any] = json.loads(json.dumps(template))
    made["participant_id"] += f"-{copy + 1}"
    made["name"] = {language: f"{name} {copy + 1}" for language, name in made["name"].items()}
    for plant in (*made.get("pv", []), *made.get("ess", [])):
        for name in ("site_id", "device_id"):
            if name in plant:
                plant[name] += f"-{copy + 1}"
    return made


def _write_history(complex_file: Path, wanted: Day) -> Path:
    """Write what the meters would have shown in the four weeks before, batteries idle."""
    from services.fems.domain import history

    path = wanted.folder / "history.csv"
    first = day_start(wanted.day - timedelta(days=HISTORY_DAYS))
    until: datetime = day_start(wanted.day) - WARM_UP
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        history.write(load_complex(complex_file), first, until, writer)
    return path


def _stop_clock(wanted: Day) -> None:
    """Let the clock stand where it is, so that the day stays on screen."""
    from shared.clock import SharedClock

    clock_file = wanted.folder / "clock.json"
    now = SharedClock(clock_file).now()
    write_pace(clock_file, Pace(start=now, speed=wanted.speed, epoch=None))


def _serve_until_interrupted(deployment: Deployment, screen: Console) -> None:
    now = wall_now().astimezone(KST)
    screen.print(f"the day is over ({now:%H:%M} KST); the console stays up until Ctrl-C: {deployment.plan.console_url}")
    try:
        while True:
            pause(1)
            deployment.restart_ended(screen.print)
    except KeyboardInterrupt:
        screen.print("stopping")


def _bad(field: str, rule: str, value: object) -> BadInput:
    return BadInput(where="command line", field=field, rule=rule, value=value)
