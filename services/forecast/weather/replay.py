"""Weather forecasts from a CSV file, as they became available."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from services.forecast.domain.solar.weather import BOUNDS, COLUMNS, known_at, weather_frame
from services.forecast.weather.source import SourceName
from shared.arrays import Flags
from shared.errors import BadInput, BadInputs

PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A file's rows; at an instant those are known that were available by then."""

    frame: pd.DataFrame
    name: SourceName = SourceName.CSV
    stale_after: timedelta = timedelta(hours=36)

    def fetch(self, issued_at: datetime) -> pd.DataFrame:
        """Return the newest of what was available, without what is long over."""
        recent = self.frame[self.frame["valid_end"] > issued_at - timedelta(hours=1)]
        return known_at(recent, issued_at)


def read_replay(path: Path) -> Replay:
    """Read a CSV file with the columns valid_start, valid_end, available_at (ISO 8601), variable and value.

    Raises:
        BadInput: It can't be read or lacks a column.
        BadInputs: Rows break a rule.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        reason = " ".join(str(error).split())
        raise BadInput(where=str(path), field="file", rule="must be readable CSV in UTF-8", value=reason) from None
    for name in COLUMNS:
        if name not in table.columns:
            found = ",".join(table.columns) or "nothing"
            raise BadInput(where=str(path), field="columns", rule=f"must contain {name}", value=found)
    problems: list[BadInput] = []
    instants = [_instants(table[name], path, problems) for name in COLUMNS[:3]]
    numbers = pd.to_numeric(table["value"], errors="coerce")
    rules = (
        ("value", "must be a finite number", ~np.isfinite(numbers.to_numpy(dtype=np.float64))),
        ("variable", f"must be one of {', '.join(BOUNDS)}", ~table["variable"].isin(list(BOUNDS)).to_numpy()),
        ("valid_end", "must be after valid_start", (instants[1] <= instants[0]).to_numpy()),
    )
    for field, rule, wrong in rules:
        problems += _problems(table[field], path, rule, wrong)
    if problems:
        raise BadInputs(problems[:PROBLEMS_SHOWN])
    columns = (*(one.dt.to_pydatetime() for one in instants), table["variable"], numbers)
    return Replay(weather_frame(list(zip(*columns, strict=True))))


def _instants(column: "pd.Series[str]", path: Path, problems: list[BadInput]) -> "pd.Series[pd.Timestamp]":
    aware = column.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
    read = pd.to_datetime(column.where(aware), utc=True, errors="coerce", format="ISO8601")
    problems += _problems(column, path, "must be ISO 8601 with an offset", read.isna().to_numpy())
    return read


def _problems(column: "pd.Series[str]", path: Path, rule: str, wrong: Flags) -> list[BadInput]:
    return [
        BadInput(where=f"{path} row {row + 1}", field=str(column.name), rule=rule, value=column.iloc[row])
        for row in np.flatnonzero(wrong)[:PROBLEMS_SHOWN]
    ]
