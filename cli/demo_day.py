"""The days that `sandan demo` runs: trading days of the demo complex, on a broker and real processes."""

import functools
import http.client
import itertools
import json
import shutil
import sys
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.deployment import Deployment, Plan, open_deployment
from cli.keys import doors
from cli.output import print_answer, writing
from cli.pacing import Leash, Owed, Seen
from cli.prepare import key_of, write_demo_complex, write_history
from cli.processes import free_port, require_free_port
from cli.starting import Say, StartWait, without_fail
from shared.bus.port import BusUnavailable
from shared.clock import PERSON_SPEED_MAX, Pace, SharedClock, monotonic_s, pause, wall_now, write_pace
from shared.complex.model import Complex
from shared.errors import BadInput
from shared.events.fems import MeterKind
from shared.intervals import INTERVALS_PER_DAY, day_start, delivery_starts
from shared.paths import DEPLOYMENTS

# The clock starts this long before the day, so that the first auctions have forecasts and orders.
WARM_UP = timedelta(minutes=58)
# How often the day is looked at, in simulated and at the most in real seconds: several times an interval.
REPORT_EVERY_S, REPORT_EVERY_S_MAX = 150.0, 0.5
# How often the day's figures are fetched for the screen, in real seconds.
FIGURES_EVERY_S = 2.0
# Who has no progress bar is told what the clock waits for, once it has for so long, and then again.
SAY_EVERY_S = 30.0
# The day's last word must not be lost because the trading API is busy or starting again.
ANSWER_WAIT_S, CALLS_MAX = 30.0, 20
FACTORIES_MAX = 1_000
SPEED_MAX = 3600.0
DAYS_MAX = 31
# Of the day after, whose first gates close before the day is over.
INTERVALS_THAT_FOLLOW = 3
ROLES_SHOWN = ("operator", "planner", "factory")


@dataclass(frozen=True)
class Demo:
    """What the demo runs: days from `first` on at `speed`, and then on at `after_speed`."""

    first: date
    days: int
    factories: int
    speed: float
    after_speed: float
    port: int
    folder: Path
    start_wait_s: float | None = None

    @property
    def clock(self) -> SharedClock:
        """Return the clock that all its processes share."""
        return SharedClock(self.clock_file)

    @property
    def clock_file(self) -> Path:
        """Return where the clock's pace is written."""
        return self.folder / "clock.json"

    @property
    def poll_interval_s(self) -> int:
        """Return how often devices are polled: once a second is as often as anyone looks, on the wall's clock."""
        return max(1, min(900, round(max(self.speed, self.after_speed))))


@dataclass(frozen=True)
class Day:
    """One of its days, and whether another follows it."""

    demo: Demo
    day: date
    follows: bool


def run(wanted: Demo, report: Path | None, *, leave: bool, pretty: bool) -> bool:
    """Trade the days, say how they went, and go on until Ctrl-C; return whether all their books balance.

    Args:
        wanted: What to run.
        report: Gets the summary as JSON, too; None: nowhere.
        leave: Whether to stop after the days.
        pretty: Whether to indent the summary on stdout.
    """
    screen = Console(stderr=True)
    with ExitStack() as reporting:
        # Opened first, so that a file that can't be written is told before the day; done with the days, not at Ctrl-C.
        drafts = reporting.enter_context(writing(report))
        with running(wanted, screen) as (deployment, complex_):
            numbers = range(wanted.days)
            days = [Day(wanted, wanted.first + timedelta(days=n), n < numbers[-1] or not leave) for n in numbers]
            summary = summary_of_all([trade(day, deployment, complex_, screen) for day in days])
            for draft in drafts.values():
                draft.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
            reporting.close()
            print_answer(summary, pretty=pretty)
            sys.stdout.flush()
            if not leave:
                _go_on(wanted, deployment, complex_, screen)
    return bool(summary["balanced"])


def checked(
    *,
    day: str,
    days: int,
    factories: int,
    speed: float,
    after_speed: float | None,
    port: int,
    start_wait_s: float | None = None,
) -> Demo:
    """Refuse what the demo can't run, by name."""
    try:
        first = date.fromisoformat(day)
    except ValueError:
        raise _bad("--day", "must be a date as YYYY-MM-DD", day) from None
    if not 1 <= days <= DAYS_MAX:
        raise _bad("--days", f"must be between 1 and {DAYS_MAX}", days)
    if not 2 <= factories <= FACTORIES_MAX:  # noqa: PLR2004 -- one factory alone has nobody to trade with
        raise _bad("--factories", f"must be between 2 and {FACTORIES_MAX}", factories)
    if not 1 <= speed <= SPEED_MAX:
        raise _bad("--speed", f"must be between 1 and {SPEED_MAX:.0f}", speed)
    if after_speed is not None and not 1 <= after_speed <= PERSON_SPEED_MAX:
        raise _bad("--after-speed", f"must be between 1 and {PERSON_SPEED_MAX:.0f}", after_speed)
    if not 1 <= port <= 65_535:  # noqa: PLR2004 -- TCP's own limit
        raise _bad("--port", "must be between 1 and 65535", port)
    require_free_port(port, setting="--port")
    return Demo(
        first=first,
        days=days,
        factories=factories,
        speed=speed,
        after_speed=min(speed, PERSON_SPEED_MAX) if after_speed is None else after_speed,
        port=port,
        folder=DEPLOYMENTS / f"demo-{port}",
        start_wait_s=start_wait_s,
    )


@contextmanager
def running(wanted: Demo, screen: Console) -> Iterator[tuple[Deployment, Complex]]:
    """Start the demo's system with its clock standing, and stop it in the end."""
    shutil.rmtree(wanted.folder, ignore_errors=True)
    wanted.folder.mkdir(parents=True)
    complex_file = wanted.folder / "complex.yaml"
    complex_ = write_demo_complex(
        complex_file,
        factories=wanted.factories,
        host="127.0.0.1",
        port_of=lambda _: free_port(),
        poll_interval_s=wanted.poll_interval_s,
    )
    for number in range(wanted.days):
        _require_prices(wanted.first + timedelta(days=number), complex_)
    clock_file = wanted.clock_file
    start = day_start(wanted.first) - WARM_UP
    write_pace(clock_file, Pace(start=start, speed=wanted.speed, epoch=None))
    history_file = wanted.folder / "history.parquet"
    plan = Plan(
        folder=wanted.folder,
        complexes=(complex_file,),
        port=wanted.port,
        clock_file=clock_file,
        history_file=history_file,
    )
    with screen.status("starting") as status:
        deployment = open_deployment(
            plan,
            # Where there is no terminal, a line a step tells that it goes on.
            status.update if screen.is_terminal else _sayer(screen),
            StartWait(wanted.start_wait_s),
            prepare=lambda: write_history(history_file, [complex_], until=start),
        )
    try:
        _show_doors(plan, screen)
        screen.print(f"broker: {deployment.broker.kind}; all keys: sandan keys", soft_wrap=True)
        screen.print("all factories, sun and batteries are synthetic / 모든 공장, 태양광, 배터리는 가상입니다")
        # It stands at once again, until the day is watched.
        soon = start + timedelta(minutes=1)
        write_pace(clock_file, Pace(start=start, speed=wanted.speed, epoch=wall_now(), until=soon))
        yield deployment, complex_
    finally:
        with screen.status("stopping"):
            deployment.stop()


def _show_doors(plan: Plan, screen: Console) -> None:
    """Show one link each for operator, planner and a factory, and what to do there."""
    for door in doors(plan.keys_file, plan.console_url, roles=ROLES_SHOWN, once=True):
        screen.print(f"{door.role:8}  [bold]{door.link}[/bold]", soft_wrap=True)
        screen.print(f"          {door.hint}", soft_wrap=True, markup=False)


def trade(wanted: Day, deployment: Deployment, complex_: Complex, screen: Console) -> dict[str, Any]:
    """Let the day pass and return its summary."""
    key = _operator_key(deployment.plan, complex_)
    began_s = monotonic_s()
    clock = wanted.demo.clock
    leash = Leash(clock, _owed(wanted, deployment.plan, complex_))
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:.0f}/{task.total} intervals settled"),
        TimeElapsedColumn(),
    )
    report: dict[str, Any] = {}
    seen: Seen | None = None
    figures_at_s = began_s
    with Progress(*columns, console=screen) as progress:
        task = progress.add_task(f"{wanted.day}", total=INTERVALS_PER_DAY)
        say = _sayer(progress.console)
        tell = Telling(say)
        while not leash.gave_up and not deployment.keep_ending() and not (seen and leash.is_done(seen)):
            seen = _seen(deployment.plan, key, wanted)
            leash.follow(seen, deployment.silent())
            if monotonic_s() >= figures_at_s:
                report = _call(deployment.plan, key, f"report?day={wanted.day}") or report
                figures_at_s = monotonic_s() + FIGURES_EVERY_S
            caption = _caption(wanted, report, leash.waiting_for)
            progress.update(task, completed=seen.settled if seen else None, description=caption)
            tell.waits_for(leash.waiting_for)
            deployment.keep_running(say)
            pause(min(REPORT_EVERY_S / clock.rate, REPORT_EVERY_S_MAX))
        tell.lacks([*leash.missing(seen), *(f"{name}: it ends at each start" for name in deployment.keep_ending())])
    report = _call(deployment.plan, key, f"report?day={wanted.day}", tries=CALLS_MAX) or report
    of_batteries = _call(deployment.plan, key, f"batteries?day={wanted.day}", tries=CALLS_MAX)
    if of_batteries is not None:
        report["batteries"] = of_batteries["items"]
    wall_s = monotonic_s() - began_s
    measured = {
        "wall_s": round(wall_s, 1),
        "clock_waited_s": round(sum(leash.waited_s.values()), 1),
        "clock_waited_by_cause_s": {cause: round(seconds, 1) for cause, seconds in leash.waited_s.items()},
        "done_without": leash.done_without,
    }
    return summary_of(wanted, report, deployment, measured)


class Telling:
    """Says what the clock waits for where it takes long, and what the day lacks in the end."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._say_at_s: float | None = None

    def waits_for(self, what: str | None) -> None:
        """Say it from time to time, for as long as it waits."""
        if what is None:
            self._say_at_s = None
        elif self._say_at_s is None:
            self._say_at_s = monotonic_s() + SAY_EVERY_S
        elif monotonic_s() >= self._say_at_s:
            self._say(f"the clock waits for {what}")
            self._say_at_s = monotonic_s() + SAY_EVERY_S

    def lacks(self, missing: list[str]) -> None:
        """Say what is missing."""
        for one in missing:
            self._say(f"the day ends without {one}")


def _owed(wanted: Day, plan: Plan, complex_: Complex) -> Owed:
    """Return what the day consists of."""
    from services.fems.simulator.faults import FaultBook

    book = FaultBook(plan.folder / "field", complex_.complex_id)

    def failing(devices: Collection[str], since: datetime, until: datetime) -> set[str]:
        overlapping = (one for one in book.faults() if one.since <= until and (one.until is None or since < one.until))
        return {one.device_id for one in overlapping} & {*devices}

    batteries = [one for one in complex_.devices if one.kind is MeterKind.ESS]
    return Owed(
        first=day_start(wanted.day),
        begin=day_start(wanted.day) - WARM_UP,
        gate_closure_lead=complex_.market.gate_closure_lead,
        sites=sum(1 + len(one.pv) for one in complex_.participants),
        batteries=[one.device_id for one in batteries],
        # One without a schedule confirms when its interval has begun, for which the clock can't wait.
        commanded=[one.device_id for one in batteries if one.schedules],
        settled_meters=[one.device_id for one in complex_.devices if one.kind in {MeterKind.GRID, MeterKind.ESS}],
        statements=wanted.demo.factories,
        failing=failing,
    )


def _seen(plan: Plan, key: str, wanted: Day) -> Seen | None:
    """Return what the trading API says of the day, and of the first intervals of the next where that follows."""
    answer = _call(plan, key, f"report/intervals?day={wanted.day}")
    if answer is None:
        return None
    intervals = answer["items"]
    if wanted.follows:
        following = _call(plan, key, f"report/intervals?day={wanted.day + timedelta(days=1)}")
        if following is None:
            return None
        intervals = [*intervals, *following["items"][:INTERVALS_THAT_FOLLOW]]
    return Seen(intervals, answer["statements"], answer["batteries_measured"])


def summary_of_all(summaries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the summary of the last day, with those of all where there are several; balanced where each day is."""
    if len(summaries) == 1:
        return summaries[0]
    return {**summaries[-1], "balanced": all(summary["balanced"] for summary in summaries), "days": summaries}


def summary_of(wanted: Day, report: dict[str, Any], deployment: Deployment, measured: dict[str, Any]) -> dict[str, Any]:
    """Return the report with what only the launcher knows."""
    balanced = (
        report.get("intervals_settled") == INTERVALS_PER_DAY
        and report.get("statements") == wanted.demo.factories
        and report.get("ledger_sum_krw") == 0
    )
    return {
        **{name: _number(fact) for name, fact in report.items()},
        "broker": deployment.broker.kind,
        "intervals": INTERVALS_PER_DAY,
        "balanced": balanced,
        "synthetic": True,
        "speed": wanted.demo.speed,
        **measured,
        "kafka_messages": _messages_held(deployment),
        "cpu_s": deployment.cpu_seconds(),
        "restarts": sum(child.restarts for child in deployment.children.values()),
    }


def _messages_held(deployment: Deployment) -> int | None:
    """Return how many messages the broker holds; None where it does not say."""
    from shared.bus.kafka import KafkaBus

    try:
        return KafkaBus(deployment.broker.bootstrap_servers).messages_held()
    except BusUnavailable:
        return None


def _number(fact: object) -> object:
    """Return a decimal that HTTP carries as text ("7887.903") as the number that a summary shows."""
    try:
        return float(fact) if isinstance(fact, str) else fact
    except ValueError:
        return fact


def _caption(wanted: Day, report: dict[str, Any], waiting_for: str | None) -> str:
    price = report.get("average_price_krw_per_kwh")
    traded = "no trade yet" if price is None else f"{report['traded_kwh']} kWh at {price} KRW/kWh"
    return f"{wanted.day}  {traded if waiting_for is None else f'waiting for {waiting_for}'}"


def _require_prices(day: date, complex_: Complex) -> None:
    """Refuse a day whose tariff or sell-back price is not known: no money could be settled."""
    from optimizers.tariff.site import site_prices
    from shared.reference.load import sell_back, tariff_book

    # The schedules of the day's evening look into the next.
    starts = [*delivery_starts(day), *delivery_starts(day + timedelta(days=1))]
    for participant in complex_.participants:
        site_prices(tariff_book(), sell_back(complex_.sell_back), participant.contract, starts)


def _operator_key(plan: Plan, complex_: Complex) -> str:
    return key_of(plan.keys_file, role="operator", complex_id=complex_.complex_id)


def _sayer(console: Console) -> Say:
    """Return what prints a sentence as it is, where that is possible."""
    return without_fail(functools.partial(console.print, markup=False, soft_wrap=True))


def _call(plan: Plan, key: str, path: str, *, tries: int = 1) -> dict[str, Any] | None:
    """Return the API's answer, or None while there is none."""
    request = urllib.request.Request(  # noqa: S310 -- our own address
        f"{plan.console_url}api/v1/{path}", headers={"Authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WAIT_S) as answer:  # noqa: S310 -- as above
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, http.client.HTTPException, ValueError):
        # It is starting again, or was stopped in the middle of its answer.
        if tries <= 1:
            return None
    pause(1)
    return _call(plan, key, path, tries=tries - 1)


def _go_on(wanted: Demo, deployment: Deployment, complex_: Complex, screen: Console) -> None:
    """Trade day after day at a person's speed, until Ctrl-C or a day whose prices are not known."""
    wanted.clock.go_at(wanted.after_speed)
    screen.print(
        f"the market goes on at x{wanted.after_speed:g} until Ctrl-C: {deployment.plan.console_url}", soft_wrap=True
    )
    try:
        for number in itertools.count(wanted.days):
            day = wanted.first + timedelta(days=number)
            try:
                _require_prices(day, complex_)
            except BadInput as unknown:
                screen.print(f"the market stands: {unknown}", soft_wrap=True, markup=False)
                break
            summary = trade(Day(wanted, day, follows=True), deployment, complex_, screen)
            screen.print(_line_of(day, summary), soft_wrap=True, markup=False)
        while True:
            pause(1)
            deployment.keep_running(_sayer(screen))
    except KeyboardInterrupt:
        screen.print("stopping")


def _line_of(day: date, summary: dict[str, Any]) -> str:
    books = "books balance" if summary["balanced"] else "BOOKS DO NOT BALANCE"
    traded, saved = f"{summary.get('traded_kwh')} kWh", f"{summary.get('saving_krw')} KRW"
    return f"{day}: {summary.get('trades')} trades, {traded}, saving {saved}; {books}"


def _bad(field: str, rule: str, value: object) -> BadInput:
    return BadInput(where="command line", field=field, rule=rule, value=value)
