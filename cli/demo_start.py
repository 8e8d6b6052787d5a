"""How `sandan demo` starts: what it is asked for, its system with its clock, and the doors that it shows."""

import functools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from cli.deployment import Deployment, Plan, open_deployment
from cli.keys import doors
from cli.prepare import key_of, write_demo_complex, write_history
from cli.processes import free_port, require_free_port
from cli.starting import Say, StartWait, without_fail
from shared.clock import PERSON_SPEED_MAX, Pace, SharedClock, wall_now, write_pace
from shared.complex.model import Complex
from shared.errors import BadInput
from shared.intervals import day_start, delivery_starts
from shared.paths import DEPLOYMENTS

# The clock starts this long before the day, so that the first auctions have forecasts and orders.
WARM_UP = timedelta(minutes=58)
FACTORIES_MAX = 1_000
SPEED_MAX = 3600.0
DAYS_MAX = 31
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
    def scenes_dir(self) -> Path:
        """Return the folder by which its scenes are asked for."""
        return self.folder / "scenes"

    @property
    def poll_interval_s(self) -> int:
        """Return how often devices are polled: once a second is as often as anyone looks, on the wall's clock."""
        return max(1, min(900, round(max(self.speed, self.after_speed))))


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


def removed(port: int) -> Path | None:
    """Remove what a demo has left, and return its folder; None where there was nothing.

    Raises:
        BadInput: Something listens on the port: the demo still runs.
    """
    require_free_port(port, setting="--port")
    folder = DEPLOYMENTS / f"demo-{port}"
    if not folder.exists():
        return None
    shutil.rmtree(folder)
    return folder


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
        require_prices(wanted.first + timedelta(days=number), complex_)
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
        scenes_dir=wanted.scenes_dir,
    )
    with screen.status("starting") as status:
        deployment = open_deployment(
            plan,
            # Where there is no terminal, a line a step tells that it goes on.
            status.update if screen.is_terminal else sayer(screen),
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


def require_prices(day: date, complex_: Complex) -> None:
    """Refuse a day whose tariff or sell-back price is not known: no money could be settled."""
    from optimizers.tariff.site import site_prices
    from shared.reference.load import sell_back, tariff_book

    # The schedules of the day's evening look into the next.
    starts = [*delivery_starts(day), *delivery_starts(day + timedelta(days=1))]
    for participant in complex_.participants:
        site_prices(tariff_book(), sell_back(complex_.sell_back), participant.contract, starts)


def operator_key(plan: Plan, complex_: Complex) -> str:
    """Return the operator's key of a complex."""
    return key_of(plan.keys_file, role="operator", complex_id=complex_.complex_id)


def sayer(console: Console) -> Say:
    """Return what prints a sentence as it is, where that is possible."""
    return without_fail(functools.partial(console.print, markup=False, soft_wrap=True))


def _bad(field: str, rule: str, value: object) -> BadInput:
    return BadInput(where="command line", field=field, rule=rule, value=value)
