"""Where a study's answer breaks the limits of feeders, which bound no plan of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.planner.domain.scenarios import Outcome, total
from shared.complex.model import Feeder
from shared.intervals import INTERVALS_PER_HOUR
from shared.units import WH_PER_KWH


@dataclass(frozen=True, slots=True)
class LimitBroken:
    """A feeder's limit on what crosses its boundary, the highest power that did, and in how many intervals it did."""

    feeder_id: str
    direction: Literal["import", "export"]
    limit_w: int
    highest_w: int
    intervals: int


def limits_broken(
    feeders: Iterable[Feeder], feeder_of: Mapping[str, str], outcomes: Mapping[str, Sequence[Outcome]]
) -> tuple[tuple[LimitBroken, ...], ...]:
    """Return the limits that each scenario breaks; what a factory leaves over flows to the others of its feeder first.

    Args:
        feeders: With their limits.
        feeder_of: Each participant's feeder.
        outcomes: A day's outcomes by participant, each in the order of the scenarios.
    """
    of_feeders = [
        (feeder, total(found for one, found in outcomes.items() if feeder_of[one] == feeder.feeder_id))
        for feeder in feeders
    ]
    scenarios = len(next(iter(outcomes.values()), ()))
    return tuple(
        tuple(broken for feeder, found in of_feeders if found for broken in _broken(feeder, found[number]))
        for number in range(scenarios)
    )


def _broken(feeder: Feeder, outcome: Outcome) -> Iterable[LimitBroken]:
    net_w = [
        (taken - given) * INTERVALS_PER_HOUR for taken, given in zip(outcome.import_wh, outcome.export_wh, strict=True)
    ]
    flows: tuple[tuple[Literal["import", "export"], float | None, list[int]], ...] = (
        ("import", feeder.import_limit_kw, net_w),
        ("export", feeder.export_limit_kw, [-one for one in net_w]),
    )
    for direction, limit_kw, flow_w in flows:
        if limit_kw is None:
            continue
        limit_w = round(limit_kw * WH_PER_KWH)
        beyond = [one for one in flow_w if one > limit_w]
        if beyond:
            yield LimitBroken(feeder.feeder_id, direction, limit_w, max(beyond), len(beyond))
