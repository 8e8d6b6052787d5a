"""Energy by interval from counters that are read now and then, for meters that remember no intervals themselves.

Counters tell energy exactly, however power moved between two readings; what they can't tell is where in a long pause
the energy belongs. Between two readings energy is spread evenly. A reading that can't follow the one before waits for
the next: if that follows the earlier one, the odd one was noise; if it follows the odd one, the counters began anew.
While they stand after that, the reading from before is kept, as some meters show zeros for a while. Where reading after
reading follows nothing, the counter that can be believed is counted, and power stands for the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.fems.domain.interval_numbers import number_of, start_of, start_of_period
from shared.complex import ratings
from shared.intervals import INTERVAL, INTERVAL_S

SECONDS_PER_HOUR = 3_600
MICROSECOND = timedelta(microseconds=1)
MARGIN_PERCENT = ratings.MARGIN_PERCENT
# Counters that stand while power says that so many of their smallest steps have passed are stuck.
STUCK_STEPS = 10
STUCK_WH_MIN = 100
# After so many readings in a row that follow neither the last good one nor each other, one counter is nonsense.
DOUBTS_MAX = 3


class Flag(StrEnum):
    """What validation found in an interval."""

    GAP = "gap"
    SPIKE = "spike"
    NEGATIVE = "negative"
    STUCK = "stuck"
    COUNTER_WRAP = "counter_wrap"
    COUNTER_RESET = "counter_reset"
    METER_SWAP = "meter_swap"
    CLOCK_DRIFT = "clock_drift"
    SCALE = "scale"
    UPLOADED = "uploaded"
    SUM_CHECK = "sum_check"
    NO_POWER = "no_power"


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters and power at an instant, and the serial number of the meter that showed them."""

    at: datetime
    import_wh: int
    export_wh: int
    import_w: int
    export_w: int
    serial: str = ""


@dataclass(frozen=True, slots=True)
class CounterRange:
    """Where a counter begins again at 0, and its smallest step."""

    modulus_wh: int = 1 << 32
    resolution_wh: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterLimits:
    """What a meter's counters can do.

    Attributes:
        import_w_max: The most that can flow in.
        export_w_max: The most that can flow out.
        import_range: The range of the counter of what flows in.
        export_range: That of what flows out.
        pause: Between readings further apart than this, where the energy belongs is a guess.
    """

    import_w_max: int
    export_w_max: int
    import_range: CounterRange = CounterRange()
    export_range: CounterRange = CounterRange()
    pause: timedelta

    @property
    def resolution_wh(self) -> int:
        """Return the smallest step that both counters can show."""
        return max(self.import_range.resolution_wh, self.export_range.resolution_wh)

    def with_counters(self, import_range: CounterRange, export_range: CounterRange) -> "CounterLimits":
        """Return the same limits for counters as the meter has them."""
        return replace(self, import_range=import_range, export_range=export_range)


@dataclass(frozen=True, slots=True)
class Closed:
    """A completed interval's energy; `guessed` where it is not the counters' word alone."""

    number: int
    import_wh: int
    export_wh: int
    flags: frozenset[Flag] = frozenset()
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """How far counting has come: the last good reading, and the running interval up to it.

    Attributes:
        last: The last good reading.
        open: The running interval so far.
        began: When counting of the running interval began.
        suspect: A reading that did not follow `last`, while the next is awaited.
        doubted: How many readings in a row followed neither `last` nor each other.
        before: The state before the counters seemed to begin anew, while they have not moved since.
        moved: The state when the counters last moved, while they stand.
        still_ws: What power says has flowed since then, in both directions together [Ws].
        still_import_ws: What it says has flowed in, within the running interval.
        still_export_ws: What it says has flowed out, within the running interval.
    """

    last: Sample
    open: Closed
    began: datetime
    suspect: Sample | None = None
    doubted: int = 0
    before: "Count | None" = None
    moved: "Count | None" = None
    still_ws: int = 0
    still_import_ws: int = 0
    still_export_ws: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What lies between two readings."""

    import_wh: int
    export_wh: int
    flags: frozenset[Flag] = frozenset()
    guessed: bool = False


def begin(sample: Sample) -> Count:
    """Return a count that begins with a meter's first reading."""
    return Count(sample, Closed(number_of(sample.at), 0, 0), sample.at)


def advance(count: Count, sample: Sample, limits: CounterLimits) -> tuple[Count, list[Closed]]:
    """Take in a reading, and return the intervals that it completes; some may have been completed before as guesses."""
    if sample.at <= count.last.at:
        return count, []
    late = _continued(count, sample, limits) or _caught_up(count, sample, limits)
    if late is not None:
        return late
    step = followed(count.last, sample, limits)
    if step is not None:
        if count.suspect is not None:
            odd = Flag.NEGATIVE if _is_less(count.suspect, count.last) else Flag.SPIKE
            step = replace(step, flags=step.flags | {odd})
        return _taken(count, sample, step, limits)
    suspect = count.suspect
    if suspect is None or (onward := followed(suspect, sample, limits)) is None:
        if count.doubted + 1 < DOUBTS_MAX:
            return replace(count, suspect=sample, doubted=count.doubted + 1), []
        return _taken(count, sample, bridged(count.last, sample, limits), limits)
    renewed = Flag.METER_SWAP if suspect.serial != count.last.serial else Flag.COUNTER_RESET
    lost = replace(bridged(count.last, suspect, limits), flags=frozenset({renewed}))
    anew, closed = _taken(count, suspect, lost, limits)
    if _stand(suspect, sample):
        anew = replace(anew, before=count.before or replace(count, suspect=None, doubted=0))
    anew, closed_then = _taken(anew, sample, onward, limits)
    return anew, closed + closed_then


def _continued(count: Count, sample: Sample, limits: CounterLimits) -> tuple[Count, list[Closed]] | None:
    """Take in the reading that goes on where counters stood before they showed something else for some readings.

    None where they did not, or have moved since.
    """
    if count.before is None or _stand(count.last, sample):
        return None
    step = followed(count.before.last, sample, limits)
    if step is None:
        return None
    return _taken(count.before, sample, replace(step, flags=step.flags | {Flag.NEGATIVE}), limits)


def _stand(before: Sample, after: Sample) -> bool:
    return (before.import_wh, before.export_wh) == (after.import_wh, after.export_wh)


def _caught_up(count: Count, sample: Sample, limits: CounterLimits) -> tuple[Count, list[Closed]] | None:
    """Take in the reading with which stuck counters catch up: their word replaces what was guessed meanwhile.

    None where they were not stuck, or go on from where they stood.
    """
    if count.moved is None:
        return None
    step = followed(count.moved.last, sample, limits)
    missing_wh = count.still_ws // SECONDS_PER_HOUR
    if step is None or missing_wh < _stuck_wh(limits) or step.import_wh + step.export_wh < missing_wh // 2:
        return None
    return _taken(count.moved, sample, replace(step, flags=step.flags | {Flag.STUCK}, guessed=True), limits)


def _stuck_wh(limits: CounterLimits) -> int:
    return max(STUCK_STEPS * limits.resolution_wh, STUCK_WH_MIN)


def followed(before: Sample, after: Sample, limits: CounterLimits) -> Step | None:
    """Return the step between two readings of the same counters, or None where it can't be one."""
    if before.serial != after.serial:
        return None
    import_wh, export_wh = _moves_wh(before, after, limits)
    if import_wh is None or export_wh is None:
        return None
    fell = after.import_wh < before.import_wh or after.export_wh < before.export_wh
    return Step(import_wh, export_wh, frozenset({Flag.COUNTER_WRAP}) if fell else frozenset())


def bridged(before: Sample, after: Sample, limits: CounterLimits) -> Step:
    """Return a step between two readings that do not follow: by the counter that can be believed, else by power."""
    power = by_power(before, after)
    import_wh, export_wh = _moves_wh(before, after, limits) if before.serial == after.serial else (None, None)
    return Step(
        power.import_wh if import_wh is None else import_wh,
        power.export_wh if export_wh is None else export_wh,
        frozenset({Flag.NEGATIVE if _is_less(after, before) else Flag.SPIKE}),
        guessed=True,
    )


def _moves_wh(before: Sample, after: Sample, limits: CounterLimits) -> tuple[int | None, int | None]:
    """Return what each counter moved between two readings; None for one that can't have."""
    elapsed = after.at - before.at
    return (
        _move_wh(after.import_wh - before.import_wh, limits.import_w_max, limits.import_range, elapsed),
        _move_wh(after.export_wh - before.export_wh, limits.export_w_max, limits.export_range, elapsed),
    )


def _move_wh(counted_wh: int, w_max: int, counter: CounterRange, elapsed: timedelta) -> int | None:
    moved_wh = counted_wh if counted_wh >= 0 else counted_wh + counter.modulus_wh
    passed_wh = w_max * (elapsed // MICROSECOND) // (SECONDS_PER_HOUR * 1_000_000)
    most_wh = passed_wh * MARGIN_PERCENT // 100 + 2 * counter.resolution_wh
    # Still below 0 where the counter stood beyond its own end.
    return moved_wh if 0 <= moved_wh <= most_wh else None


def by_power(before: Sample, after: Sample) -> Step:
    """Return what flowed between two readings by the power that both show."""
    elapsed_s = (after.at - before.at).total_seconds()
    return Step(
        round((before.import_w + after.import_w) / 2 * elapsed_s / SECONDS_PER_HOUR),
        round((before.export_w + after.export_w) / 2 * elapsed_s / SECONDS_PER_HOUR),
    )


def _is_less(one: Sample, other: Sample) -> bool:
    return one.import_wh < other.import_wh or one.export_wh < other.export_wh


def _taken(count: Count, sample: Sample, step: Step, limits: CounterLimits) -> tuple[Count, list[Closed]]:
    """Spread a step over the intervals it touches, and close those it completes."""
    before = count.last.at
    if sample.at - before > limits.pause and number_of(sample.at) > number_of(before):
        step = replace(step, flags=step.flags | {Flag.GAP}, guessed=True)
    stood = step.import_wh == 0 and step.export_wh == 0 and not step.flags
    state = replace(count, suspect=None, doubted=0)
    if stood:
        state = replace(state, moved=count.moved or replace(state, before=None))
    else:
        state = replace(state, before=None, moved=None, still_ws=0, still_import_ws=0, still_export_ws=0)
    closed: list[Closed] = []
    for until, piece in pieces(step, before, sample.at):
        state, done = _piece(state, sample, until, piece, limits)
        closed += done
    return replace(state, last=sample), closed


def pieces(
    step: Step, before: datetime, after: datetime, length: timedelta = INTERVAL
) -> Iterator[tuple[datetime, Step]]:
    """Yield what each interval of some length gets of a step, with that piece's end; together they are the step."""
    elapsed_us = (after - before) // MICROSECOND
    now, given = before, (0, 0)
    while now < after:
        now = min(start_of_period(now, length) + length, after)
        passed_us = (now - before) // MICROSECOND
        so_far = (step.import_wh * passed_us // elapsed_us, step.export_wh * passed_us // elapsed_us)
        yield now, replace(step, import_wh=so_far[0] - given[0], export_wh=so_far[1] - given[1])
        given = so_far


def _piece(
    state: Count, sample: Sample, until: datetime, step: Step, limits: CounterLimits
) -> tuple[Count, list[Closed]]:
    """Add a piece of a step that lies within one interval, and close the interval where the piece ends it."""
    running = state.open
    seconds = (until - max(state.last.at, start_of(running.number))).total_seconds() if state.moved else 0.0
    # The lesser of both ends, as a load that was switched on just now has not moved a counter yet.
    still_import_ws = round(min(state.last.import_w, sample.import_w) * seconds)
    still_export_ws = round(min(state.last.export_w, sample.export_w) * seconds)
    state = replace(
        state,
        open=Closed(
            running.number,
            running.import_wh + step.import_wh,
            running.export_wh + step.export_wh,
            running.flags | step.flags,
            running.guessed or step.guessed,
        ),
        still_ws=state.still_ws + still_import_ws + still_export_ws,
        still_import_ws=state.still_import_ws + still_import_ws,
        still_export_ws=state.still_export_ws + still_export_ws,
    )
    if until < start_of(running.number + 1):
        return state, []
    closed = _completed(state, limits)
    onward = Closed(running.number + 1, 0, 0)
    return replace(state, open=onward, began=until, still_import_ws=0, still_export_ws=0), [closed]


def _completed(state: Count, limits: CounterLimits) -> Closed:
    """Return the running interval as it is published: what is known to be missing in it is added, and said."""
    closed = state.open
    if state.before is not None:
        # The counters may go on from before, and their word then has to replace this.
        closed = replace(closed, flags=closed.flags | {Flag.COUNTER_RESET}, guessed=True)
    still_wh = (state.still_import_ws // SECONDS_PER_HOUR, state.still_export_ws // SECONDS_PER_HOUR)
    if max(still_wh) >= _stuck_wh(limits):
        closed = replace(
            closed,
            import_wh=closed.import_wh + still_wh[0],
            export_wh=closed.export_wh + still_wh[1],
            flags=closed.flags | {Flag.STUCK},
            guessed=True,
        )
    observed_s = round((start_of(closed.number + 1) - state.began).total_seconds())
    if 0 < observed_s < INTERVAL_S:
        # Counting began within the interval: its first part is taken to be like the rest.
        closed = replace(
            closed,
            import_wh=closed.import_wh * INTERVAL_S // observed_s,
            export_wh=closed.export_wh * INTERVAL_S // observed_s,
            flags=closed.flags | {Flag.GAP},
            guessed=True,
        )
    return closed
