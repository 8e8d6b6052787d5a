"""Ask sources in turn until the next 24 hours are known; say who serves, and why the others do not."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from services.forecast.domain.solar.weather import covered, known_at
from services.forecast.weather.source import SourceFailed, SourceName, WeatherSource
from shared.errors import ODD_INPUT
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, interval_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Weather as it was known at an instant.

    Attributes:
        frame: Rows as in `domain.weather`; where two speak of the same, the one that was asked first holds.
        used: Whose rows they are, the one that was asked first at the front.
        passed_over: Who was asked and does not serve, and why.
    """

    frame: pd.DataFrame
    used: tuple[SourceName, ...]
    passed_over: tuple[tuple[SourceName, str], ...]


def ask(sources: Sequence[WeatherSource], last_resort: WeatherSource, issued_at: datetime) -> Answer:
    """Return what the sources know at an instant; the last resort serves alone, where nobody else does."""
    first = interval_of(issued_at)
    starts = pd.DatetimeIndex([first + n * INTERVAL for n in range(INTERVALS_PER_DAY)])
    known = np.zeros(len(starts), dtype=np.bool_)
    frames: list[pd.DataFrame] = []
    used: list[SourceName] = []
    passed_over: list[tuple[SourceName, str]] = []
    for source in sources:
        if known.all():
            break
        try:
            frame = _fresh(source, issued_at)
            reached = covered(frame, starts)
        except SourceFailed as failed:
            passed_over.append((source.name, str(failed)))
            continue
        except ODD_INPUT as odd:
            logger.exception("a weather source's answer was not understood", extra={"source": source.name.value})
            passed_over.append((source.name, f"the answer was not understood ({type(odd).__name__})"))
            continue
        if not (reached & ~known).any():
            passed_over.append((source.name, "says nothing of the hours that are not known yet"))
            continue
        known |= reached
        frames.append(frame)
        used.append(source.name)
    if not frames:
        return Answer(last_resort.fetch(issued_at), (last_resort.name,), tuple(passed_over))
    # In a frame the later row holds.
    return Answer(pd.concat(frames[::-1], ignore_index=True), tuple(used), tuple(passed_over))


def _fresh(source: WeatherSource, issued_at: datetime) -> pd.DataFrame:
    frame = known_at(source.fetch(issued_at), issued_at)
    if frame.empty:
        raise SourceFailed("has nothing that is available yet")
    newest = frame["available_at"].max()
    if newest < issued_at - source.stale_after:
        raise SourceFailed(f"is stale: its newest rows became available at {newest.isoformat()}")
    return frame
