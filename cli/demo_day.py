"""The days that `sandan demo` runs: trading days of the demo complex, on a broker and real processes."""

import itertools
import json
import sys
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.api_calls import ApiRefused, ApiSilent, call
from cli.demo_start import WARM_UP, Demo, operator_key, require_prices, running, sayer
from cli.deployment import Deployment, Plan
from cli.output import print_answer, writing
from cli.pacing import Leash, Owed, Seen
from cli.scene_scripts import script_of
from cli.staging import Crew, Director
from cli.starting import Say
from shared.bus.port import BusUnavailable
from shared.clock import monotonic_s, pause
from shared.complex.model import Complex
from shared.errors import BadInput
from shared.events.fems import MeterKind
from shared.intervals import INTERVALS_PER_DAY, day_start
from shared.scenes import SceneFolder

# How often the day is looked at, in simulated and at the most in real seconds: several times an interval.
REPORT_EVERY_S, REPORT_EVERY_S_MAX = 150.0, 0.5
# How often the day's figures are fetched for the screen, in real seconds.
FIGURES_EVERY_S = 2.0
# Who has no progress bar is told what the clock waits for, once it has for so long, and then again.
SAY_EVERY_S = 30.0
# The day's last word must not be lost because the trading API is busy or starting again.
CALLS_MAX = 20
# Of the day after, whose first gates close before the day is over.
INTERVALS_THAT_FOLLOW = 3


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
            director = _director(wanted, deployment.plan, complex_)
            days = [Day(wanted, wanted.first + timedelta(days=n), n < numbers[-1] or not leave) for n in numbers]
            summary = summary_of_all([trade(day, deployment, complex_, screen, director) for day in days])
            for draft in drafts.values():
                draft.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
            reporting.close()
            print_answer(summary, pretty=pretty)
            sys.stdout.flush()
            if not leave:
                _go_on(wanted, deployment, complex_, screen, director)
    return bool(summary["balanced"])


def _director(wanted: Demo, plan: Plan, complex_: Complex) -> Director:
    """Return who stages the scenes that are asked for."""
    crew = Crew(complex_, plan)
    return Director(SceneFolder(wanted.scenes_dir), wanted.clock, lambda name, now: script_of(crew, name, now))


def trade(
    wanted: Day, deployment: Deployment, complex_: Complex, screen: Console, director: Director
) -> dict[str, Any]:
    """Let the day pass, with the scenes that are asked for, and return its summary."""
    key = operator_key(deployment.plan, complex_)
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
        say = sayer(progress.console)
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
            director.look()
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
    try:
        return deployment.broker.bus().messages_held()
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


def _call(plan: Plan, key: str, path: str, *, tries: int = 1) -> dict[str, Any] | None:
    """Return the API's answer, or None while there is none."""
    try:
        found: dict[str, Any] = call(plan.console_url, key, "GET", path)
    except (ApiSilent, ApiRefused):
        # It is starting again, or was stopped in the middle of its answer.
        if tries <= 1:
            return None
    else:
        return found
    pause(1)
    return _call(plan, key, path, tries=tries - 1)


def _go_on(wanted: Demo, deployment: Deployment, complex_: Complex, screen: Console, director: Director) -> None:
    """Trade day after day at a person's speed, until Ctrl-C or a day whose prices are not known."""
    wanted.clock.go_at(wanted.after_speed)
    screen.print(
        f"the market goes on at x{wanted.after_speed:g} until Ctrl-C: {deployment.plan.console_url}", soft_wrap=True
    )
    try:
        for number in itertools.count(wanted.days):
            day = wanted.first + timedelta(days=number)
            try:
                require_prices(day, complex_)
            except BadInput as unknown:
                screen.print(f"the market stands: {unknown}", soft_wrap=True, markup=False)
                break
            summary = trade(Day(wanted, day, follows=True), deployment, complex_, screen, director)
            screen.print(_line_of(day, summary), soft_wrap=True, markup=False)
        while True:
            pause(1)
            deployment.keep_running(sayer(screen))
            director.look()
    except KeyboardInterrupt:
        screen.print("stopping")


def _line_of(day: date, summary: dict[str, Any]) -> str:
    books = "books balance" if summary["balanced"] else "BOOKS DO NOT BALANCE"
    traded, saved = f"{summary.get('traded_kwh')} kWh", f"{summary.get('saving_krw')} KRW"
    return f"{day}: {summary.get('trades')} trades, {traded}, saving {saved}; {books}"
