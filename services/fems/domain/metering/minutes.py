"""Energy by minute from counters as they are polled: to look at and to keep, while money hangs on quarter hours alone.

Between two readings energy is spread evenly. What a counter can't have moved is taken from power.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.fems.domain.interval_numbers import start_of_period
from services.fems.domain.metering.counting import CounterLimits, Sample, bridged, followed, pieces

MINUTE = timedelta(minutes=1)
# In a longer pause nothing is said of its minutes: an even spread over hours would be no more than a guess.
PAUSE_MAX = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Minute:
    """A meter's energy in one minute; `guessed` where it is not its counters' word alone."""

    start: datetime
    import_wh: int = 0
    export_wh: int = 0
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class RunningMinute:
    """The last reading, and the running minute up to it; None where counting began within that minute."""

    last: Sample
    minute: Minute | None = None


def advance(running: RunningMinute | None, sample: Sample, limits: CounterLimits) -> tuple[RunningMinute, list[Minute]]:
    """Take in a reading, and return the minutes that it completes."""
    if running is None or sample.at - running.last.at > PAUSE_MAX:
        is_border = start_of_period(sample.at, MINUTE) == sample.at
        return RunningMinute(sample, Minute(sample.at) if is_border else None), []
    before = running.last
    if sample.at <= before.at:
        return running, []
    step = followed(before, sample, limits)
    guessed = step is None or sample.at - before.at > max(limits.pause, MINUTE)
    done: list[Minute] = []
    minute = running.minute
    for until, piece in pieces(step or bridged(before, sample, limits), before.at, sample.at, MINUTE):
        if minute is not None:
            minute = Minute(
                minute.start,
                minute.import_wh + piece.import_wh,
                minute.export_wh + piece.export_wh,
                minute.guessed or guessed,
            )
        if until == start_of_period(until, MINUTE):
            done += [] if minute is None else [minute]
            minute = Minute(until)
    return RunningMinute(sample, minute), done
