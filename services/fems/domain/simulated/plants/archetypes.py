"""What a file of made-up plants says (`infra/plants`): shifts, machines, batches, jobs, climate.

Powers are those of one reference plant [kW]; a factory's course is scaled to its own mean. Times are Korean clock times
as minutes since midnight; those past 24:00 lie on the next day.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.intervals import INTERVAL_MINUTES
from shared.reference.prices import Names, Record

MINUTES_PER_DAY = 1440
DayKind = Literal["work", "saturday", "rest", "shutdown"]
EVERY_DAY: tuple[DayKind, ...] = ("work", "saturday", "rest", "shutdown")


def _clock_minutes(given: object) -> int:
    match = re.fullmatch(r"([0-3][0-9]|4[0-7]):([0-5][0-9])", given) if isinstance(given, str) else None
    if match is None:
        raise ValueError('must be a clock time such as "08:30", up to "47:59"')
    return 60 * int(match[1]) + int(match[2])


def _on_a_quarter(minutes: int) -> int:
    if minutes >= MINUTES_PER_DAY or minutes % INTERVAL_MINUTES:
        raise ValueError("must be a quarter hour of the day")
    return minutes


ClockTime = Annotated[int, BeforeValidator(_clock_minutes)]
Share = Annotated[float, Field(ge=0, le=1)]
Kw = Annotated[float, Field(ge=0, le=1e5)]
Minutes = Annotated[float, Field(gt=0, le=MINUTES_PER_DAY)]
Count = Annotated[int, Field(ge=1, le=200)]


class Shift(Record):
    """When people work: on which kinds of days, how many of all machines they run, and how likely it is each day.

    Attributes:
        ramp_minutes: In which machines are started, and stopped in the end; 0 where one shift takes over from another.
    """

    days: tuple[DayKind, ...] = ("work",)
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    staff: Share = 1.0
    chance: Share = 1.0
    ramp_minutes: Annotated[float, Field(ge=0, le=120)] = 20


class Break(Record):
    """A pause within shifts, and which part of the machines goes on."""

    at: ClockTime
    minutes: Minutes
    left: Share


class Machines(Record):
    """Machines that people start and stop: so many, each on for `duty` of the time, in spells of about `hold_minutes`.

    Attributes:
        idle: The part of its power that a manned machine draws while it waits.
    """

    what: str
    count: Count
    kw: Kw
    duty: Share
    hold_minutes: Minutes
    idle: Share = 0.0


class Batches(Record):
    """Furnaces, baths and ovens that work in cycles: they heat, then hold; one after the other through the shifts.

    Attributes:
        heat_share: The part of a cycle at full power.
        always: Whether they go on round the clock.
    """

    what: str
    count: Count
    kw: Kw
    hold_kw: Kw
    cycle_minutes: Minutes
    heat_share: Share
    always: bool = False


class Jobs(Record):
    """What runs once a day for a while whoever is there: a bus that charges, an oven that heats up, a defrosting.

    Attributes:
        spread_minutes: How much earlier or later than `start` it may begin.
        minutes: How long it takes, from the shortest to the longest.
        with_work: Whether it comes on days with a shift alone.
    """

    what: str
    days: tuple[DayKind, ...]
    count: Count
    kw: Kw
    start: ClockTime
    spread_minutes: Annotated[float, Field(ge=0, le=600)] = 0
    minutes: tuple[Minutes, Minutes]
    chance: Share = 1.0
    with_work: bool = False


class Climate(Record):
    """Cooling above a temperature outdoors, or heating below it; `staffed`: only while people work."""

    what: str
    kw_per_k: Kw
    above_c: float | None = None
    below_c: float | None = None
    kw_max: Kw
    staffed: bool = False

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.above_c is None) == (self.below_c is None):
            raise ValueError("must have above_c or below_c, not both")
        return self


class Shutdown(Record):
    """A summer shutdown: from the Monday of the week in which a day of July or August lies."""

    around: Annotated[str, Field(pattern=r"^0[78]-[0-3][0-9]$")]
    days: Annotated[int, Field(ge=1, le=16)]
    base_left: Share


class Archetype(Record):
    """A plant: its industry, what it always draws, and what comes on top.

    Attributes:
        company: What factories of the kind are called after their own name; `suffix` is its form in ids.
        day_begins: Where its own day begins; no shift or job of it lies before that or 24 hours later.
        bridge_rest: How likely it rests on a working day between two holidays.
        activity: By how much a busy week differs from a slack one, as a part of the mean.
        wobble: By how much power wanders around all that.
    """

    industry: Names
    company: Names
    suffix: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
    day_begins: Annotated[ClockTime, AfterValidator(_on_a_quarter)]
    base_kw: Kw
    shifts: tuple[Shift, ...] = ()
    breaks: tuple[Break, ...] = ()
    machines: tuple[Machines, ...] = ()
    batches: tuple[Batches, ...] = ()
    jobs: tuple[Jobs, ...] = ()
    climate: tuple[Climate, ...] = ()
    shutdown: Shutdown | None = None
    bridge_rest: Share = 0.0
    activity: Share = 0.0
    wobble: Share = 0.0

    @model_validator(mode="after")
    def _within_its_day(self) -> Self:
        end = self.day_begins + MINUTES_PER_DAY
        for what, start, stop in (
            *(("shift", shift.start, shift.end) for shift in self.shifts),
            *(("break", one.at, one.at + one.minutes) for one in self.breaks),
            *((job.what, job.start - job.spread_minutes, job.start + job.spread_minutes) for job in self.jobs),
        ):
            if not self.day_begins <= start <= stop <= end:
                raise ValueError(f"{what} must lie within 24 hours of day_begins, in order")
        return self

    @property
    def kw_max(self) -> float:
        """Return the most that it can draw."""
        steady = [self.base_kw, *(one.kw_max for one in self.climate)]
        parts: tuple[Machines | Batches | Jobs, ...] = (*self.machines, *self.batches, *self.jobs)
        return (sum(steady) + sum(one.count * one.kw for one in parts)) * (1 + self.wobble)


class PlantFile(Record):
    """The plants that come with the project."""

    schema_name: Literal["sandan-plants/1"] = Field(alias="schema")
    note: Names
    plants: dict[str, Archetype]
