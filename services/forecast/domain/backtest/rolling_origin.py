"""Forecasts as the service would have issued them: its forecaster, moved through a site's history day by day.

Each day is selected for anew, and each issue is forecast on what had ended by then. Nothing depends on which issues are
asked for, or on what comes after an issue.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from services.forecast.domain.climatology import Distribution
from services.forecast.domain.learning import selection
from services.forecast.domain.learning.multi_site import MultiSite
from services.forecast.domain.learning.selection import Trained, Weeks
from shared.arrays import Floats, Integers

# Returns one site from an interval on, as a model sees it that is learned at another, known until a third.
Window = Callable[[int, int, int], MultiSite]


@dataclass(frozen=True, slots=True, eq=False)
class Issued:
    """Forecasts [kW], a row a pair of issue and target.

    Attributes:
        issue: The position of the issue among those asked for.
        target: The number of the interval.
        lead: In intervals, 1 for the one that begins at the issue.
        trained: Whether there was enough to learn models from, and to try them.
    """

    issue: Integers
    target: Integers
    lead: Integers
    p10: Floats
    p50: Floats
    p90: Floats
    mean: Floats
    trained: bool


@dataclass(frozen=True, slots=True, eq=False)
class AskedIssues:
    """Issues: the interval that had just begun at each, and the first and the number of those to forecast."""

    now: Integers
    first_target: Integers
    steps: int


def walk(window: Window, midnights: Integers, origin: int, asked: AskedIssues) -> Iterator[tuple[int, Issued]]:
    """Yield day by day how many of the asked issues are done, and their forecasts.

    Args:
        window: The site. Its intervals, and those of the arguments below, are counted from the history's first.
        midnights: The first interval of each of the site's days.
        origin: The number of the history's first interval, counted since 1970.
        asked: What to forecast.
    """
    weeks = Weeks()
    day_of = np.searchsorted(midnights, asked.now, side="right") - 1
    done = 0
    for day in np.unique(day_of).tolist():
        today = int(midnights[day])

        def sites_at(number: int, today: int = today) -> MultiSite:
            begin = number - origin
            of_day = int(np.searchsorted(midnights, begin))
            return window(int(midnights[max(of_day - selection.SEEN_DAYS, 0)]), begin, today)

        selected = weeks.select(sites_at, today + origin)
        rows = np.flatnonzero(day_of == day)
        done += len(rows)
        trained = selected.serving
        begin = today if trained is None else trained.begin - origin
        seen = window(int(midnights[max(day - selection.ISSUE_DAYS, 0)]), begin, int(asked.now[rows].max()))
        found = _forecast(seen, trained, (today, origin), asked, rows)
        yield done, _issued(found, asked, rows, trained=selected.relative_loss is not None)


def _forecast(
    sites: MultiSite, trained: Trained | None, day: tuple[int, int], asked: AskedIssues, rows: Integers
) -> Distribution:
    """Return the forecasts of one day's issues, issue by issue; the day is its first interval and the origin."""
    today, origin = day
    begin = sites.timelines[0].first - origin
    now, first_target = asked.now[rows] - begin, asked.first_target[rows] - begin
    if trained is not None:
        return selection.issued(sites, trained, today - begin, now, first_target, asked.steps)
    learned = sites.season(today - begin)
    when = zip(now.tolist(), first_target.tolist(), strict=True)
    parts = [selection.by_season(sites, learned, at, first, asked.steps).parts for at, first in when]
    return Distribution(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _issued(found: Distribution, asked: AskedIssues, rows: Integers, *, trained: bool) -> Issued:
    issue = np.repeat(rows, asked.steps)
    target = asked.first_target[issue] + np.tile(np.arange(asked.steps), len(rows))
    p10, p50, p90, mean = (part[:, 0] for part in found.parts)
    lead = target - asked.now[issue] + 1
    return Issued(issue, target, lead, p10=p10, p50=p50, p90=p90, mean=mean, trained=trained)
