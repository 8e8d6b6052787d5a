"""Energy by interval from counters that are read now and then, for meters that remember no intervals themselves.

Counters tell energy exactly, however power moved between two readings; what they can't tell is where in a long pause
the energy belongs. Between two readings energy is spread evenly. A reading that can't follow the one before waits for
the next: if that follows the earlier one, the odd one was noise; if it follows the odd one, the counters began anew.
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


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters and power at an instant, and the serial number of the meter that showed them."""

    at: datetime
    import_wh: int
    export_wh: int
    import_w: int
    export_w: int
    serial: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterLimits:
    """What a meter's counters can do.

    Attributes:
        import_w_max: The most that can flow in.
        export_w_max: The most that can flow out.
        modulus_wh: Where the counters begin again at 0.
        resolution_wh: Their smallest step.
        pause: Between readings further apart than this, where the energy belongs is a guess.
    """

    import_w_max: int
    export_w_max: int
    modulus_wh: int
    resolution_wh: int
    pause: timedelta

    def with_counters(self, modulus_wh: int, resolution_wh: int) -> "CounterLimits":
        """Return the same limits for counters as the meter has them."""
        return replace(self, modulus_wh=modulus_wh, resolution_wh=resolution_wh)


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
        moved: The state when the counters last moved, while they stand.
        still_ws: What power says has flowed since then, in both directions together [Ws].
        still_import_ws: What it says has flowed in, within the running interval.
        still_export_ws: What it says has flowed out, within the running interval.
    """

    last: Sample
    open: Closed
    began: datetime
    suspect: Sample | None = None
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
    late = _caught_up(count, sample, limits)
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
        return replace(count, suspect=sample), []
    lost = by_power(count.last, suspect)
    renewed = Flag.METER_SWAP if suspect.serial != count.last.serial else Flag.COUNTER_RESET
    anew, closed = _taken(count, suspect, replace(lost, flags=frozenset({renewed}), guessed=True), limits)
    anew, closed_then = _taken(anew, sample, onward, limits)
    return anew, closed + closed_then


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
    elapsed = after.at - before.at
    found: list[int] = []
    flags: set[Flag] = set()
    for counted, w_max in (
        (after.import_wh - before.import_wh, limits.import_w_max),
        (after.export_wh - before.export_wh, limits.export_w_max),
    ):
        moved_wh = counted
        if moved_wh < 0:
            moved_wh += limits.modulus_wh
            flags.add(Flag.COUNTER_WRAP)
        # Still below 0 where the counter stood beyond its own end.
        if not 0 <= moved_wh <= _most_wh(w_max, elapsed, limits):
            return None
        found.append(moved_wh)
    return Step(found[0], found[1], frozenset(flags))


def _most_wh(w_max: int, elapsed: timedelta, limits: CounterLimits) -> int:
    passed_wh = w_max * (elapsed // MICROSECOND) // (SECONDS_PER_HOUR * 1_000_000)
    return passed_wh * MARGIN_PERCENT // 100 + 2 * limits.resolution_wh


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
    state = replace(count, suspect=None)
    if stood:
        state = replace(state, moved=count.moved or replace(count, suspect=None))
    else:
        state = replace(state, moved=None, still_ws=0, still_import_ws=0, still_export_ws=0)
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
