"""Whether what a device shows now fits what it showed before, and what is possible at all."""

from dataclasses import dataclass, replace

from services.fems.domain.metering.counting import MARGIN_PERCENT, SECONDS_PER_HOUR, CounterLimits, Flag, Sample

# Enough energy to compare counters with power: rounding makes no factor of three.
COMPARED_WH_MIN = 200
COMPARED_STEPS = 20
FACTOR_MAX = 3


@dataclass(frozen=True, slots=True)
class PowerWatch:
    """A comparison of counters with power that began at `since`, and what the last one came to.

    Power is only known at the readings: between two of them at least the lesser flowed, and at most the greater.
    """

    since: Sample
    last: Sample
    least_ws: int = 0
    most_ws: int = 0
    flags: frozenset[Flag] = frozenset()


def watched(watch: PowerWatch | None, sample: Sample, limits: CounterLimits) -> PowerWatch:
    """Take in a reading; `flags` of the result say what is odd about the device."""
    possible = frozenset({Flag.SPIKE}) if _is_impossible(sample, limits) else frozenset[Flag]()
    if watch is None or sample.serial != watch.last.serial:
        swapped = frozenset({Flag.METER_SWAP}) if watch is not None else frozenset[Flag]()
        return PowerWatch(sample, sample, flags=possible | swapped)
    elapsed_s = (sample.at - watch.last.at).total_seconds()
    ends_w = (watch.last.import_w + watch.last.export_w, sample.import_w + sample.export_w)
    least_ws = watch.least_ws + round(min(ends_w) * elapsed_s)
    most_ws = watch.most_ws + round(max(ends_w) * elapsed_s)
    counted_wh = _moved(watch.since, sample)
    if counted_wh < 0:
        since = watch.since
        wrapped = since.import_wh > limits.import_range.modulus_wh // 2 > sample.import_wh or (
            since.export_wh > limits.export_range.modulus_wh // 2 > sample.export_wh
        )
        odd = Flag.COUNTER_WRAP if wrapped else Flag.COUNTER_RESET
        return PowerWatch(sample, sample, flags=possible | {odd})
    if Flag.STUCK in watch.flags and counted_wh > 0:
        # What was not shown for a while comes all at once, and says nothing about the scale.
        return PowerWatch(sample, sample, flags=possible)
    least_wh, most_wh = least_ws // SECONDS_PER_HOUR, most_ws // SECONDS_PER_HOUR
    enough_wh = max(COMPARED_WH_MIN, COMPARED_STEPS * limits.resolution_wh)
    if max(least_wh, counted_wh) < enough_wh:
        kept = watch.flags & {Flag.SCALE, Flag.STUCK}
        return replace(watch, last=sample, least_ws=least_ws, most_ws=most_ws, flags=possible | kept)
    return PowerWatch(sample, sample, flags=possible | _compared(counted_wh, least_wh, most_wh))


def _compared(counted_wh: int, least_wh: int, most_wh: int) -> frozenset[Flag]:
    if counted_wh == 0:
        return frozenset({Flag.STUCK})
    if FACTOR_MAX * counted_wh < least_wh or counted_wh > FACTOR_MAX * most_wh:
        return frozenset({Flag.SCALE})
    return frozenset()


def _is_impossible(sample: Sample, limits: CounterLimits) -> bool:
    too_much_in = sample.import_w * 100 > limits.import_w_max * MARGIN_PERCENT
    return too_much_in or sample.export_w * 100 > limits.export_w_max * MARGIN_PERCENT


def _moved(before: Sample, after: Sample) -> int:
    """Return what both counters moved together; below 0 where one went back."""
    steps = (after.import_wh - before.import_wh, after.export_wh - before.export_wh)
    return min(steps) if min(steps) < 0 else sum(steps)
