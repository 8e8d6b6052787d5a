"""The files of a forecast backtest: a meter's history with weather, the site, and the forecasts."""

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import AfterValidator, ConfigDict, Field, field_validator

from cli.output import read_json
from shared.arrays import Flags, Floats, Integers
from shared.errors import BadInput, BadInputs
from shared.metering.series import change_of_step, is_register, step_s
from shared.units import SECONDS_PER_HOUR
from shared.validation import PlainRecord, checked, one_line

START, POWER, AVAILABLE = "start_utc", "kw", "available_at"
MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "nat")
PROBLEMS_SHOWN = 20
SECONDS_PER_MINUTE = 60
MINUTES_MAX = 100 * 366 * 1440
# The meter's own energy is no weather.
POWER_TOO = ("energy_kwh", "energy_wh")
KOREA_LATITUDES, KOREA_LONGITUDES = (33.0, 39.0), (124.5, 131.0)
ZONES = zoneinfo.available_timezones()


class SiteFile(PlainRecord):
    """SITE.json."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    site: Annotated[str, Field(min_length=1), AfterValidator(one_line)]
    kind: Literal["pv", "load"]
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    altitude_m: Annotated[float, Field(ge=-500, le=9000)] | None = None
    capacity_kw_ac: Annotated[float, Field(gt=0)] | None = None
    capacity_kw_dc: Annotated[float, Field(gt=0)] | None = None
    tilt_deg: Annotated[float, Field(ge=0, le=90)] | None = None
    azimuth_deg: Annotated[float, Field(ge=0, le=360)] | None = None
    timezone: str | None = None

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in ZONES:
            raise ValueError('must be a name of the time zone database, e.g. "Asia/Seoul"')
        return name

    @property
    def in_korea(self) -> bool:
        """Say whether Korean holidays apply."""
        if self.timezone is not None:
            return self.timezone == "Asia/Seoul"
        south, north = KOREA_LATITUDES
        west, east = KOREA_LONGITUDES
        return south <= self.latitude <= north and west <= self.longitude <= east

    @property
    def zone(self) -> str:
        """Return the name of the time zone of the site's days: the given one, else the one of its longitude."""
        if self.timezone is not None:
            return self.timezone
        if self.in_korea:
            return "Asia/Seoul"
        hours = round(self.longitude / 15)
        return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"  # in these names the sign is turned round


@dataclass(frozen=True, slots=True, eq=False)
class HistoryFile:
    """HISTORY as arrays, a row each: minutes since the Unix epoch, kW, and weather with the minute it was available."""

    start_minute: Integers
    kw: Floats
    weather: dict[str, Floats]
    available_minute: Integers | None


def read_site(path: Path) -> SiteFile:
    """Read SITE.json; a solar plant must give its inverter's limit."""
    site = checked(SiteFile, read_json(path), where=str(path))
    if site.kind == "pv" and site.capacity_kw_ac is None:
        raise BadInput(where=str(path), field="$.capacity_kw_ac", rule="must be given for a pv site", value=None)
    return site


def read_history(path: Path) -> HistoryFile:
    """Read HISTORY, CSV or Parquet by its name.

    Raises:
        BadInput: It is no such file or lacks a column.
        BadInputs: Rows have no time or no number.
    """
    frame = _frame(path)
    frame.columns = [str(name).strip() for name in frame.columns]
    for name in (START, POWER):
        if name not in frame.columns:
            columns = ",".join(frame.columns) or "nothing"
            raise BadInput(where=str(path), field="columns", rule=f"must contain {name}", value=columns)
    if frame.columns.duplicated().any():
        twice = str(frame.columns[frame.columns.duplicated()][0])
        raise BadInput(where=str(path), field="columns", rule="must differ", value=twice)
    if frame.empty:
        raise BadInput(where=str(path), field="rows", rule="must be at least 1", value=0)
    problems: list[BadInput] = []
    start = _minutes(frame[START], path, problems, round_up=False, required=True)
    kw = _numbers(frame[POWER], path, problems)
    available = None
    if AVAILABLE in frame.columns:
        available = _minutes(frame[AVAILABLE], path, problems, round_up=True, required=False)
    if problems:
        raise BadInputs(problems[:PROBLEMS_SHOWN])
    if start.max() - start.min() > MINUTES_MAX:
        rule, years = "must lie within 100 years", round((start.max() - start.min()) / 525_960)
        raise BadInput(where=str(path), field=START, rule=rule, value=f"{years} years")
    return HistoryFile(start, kw, dict(_weather(frame)), available)


def doubts(rows: HistoryFile) -> list[str]:
    """Return what says that a history is no power by interval of one length, in sentences."""
    minutes, place = np.unique(rows.start_minute, return_index=True)
    starts = (minutes * SECONDS_PER_MINUTE).tolist()
    found = []
    if step_s(starts) > SECONDS_PER_HOUR:
        found.append(f"rows are {step_s(starts) // SECONDS_PER_MINUTE} minutes apart: most intervals are unknown")
    elif (changed := change_of_step(starts)) is not None:
        since = datetime.fromtimestamp(starts[changed], UTC)
        apart = (starts[changed + 1] - starts[changed]) // SECONDS_PER_MINUTE
        found.append(f"from {since:%Y-%m-%dT%H:%MZ} on rows are {apart} minutes apart, and elsewhere not")
    kw = rows.kw[place]
    if is_register(kw[np.isfinite(kw)].tolist()):
        found.append("kw rises from row to row like a register's reading: it must be the interval's average power")
    return found


def _weather(frame: pd.DataFrame) -> Iterator[tuple[str, Floats]]:
    for name in frame.columns:
        if name in (START, POWER, AVAILABLE, *POWER_TOO):
            continue
        # A column stays even if all of it is unknown: what comes later must not decide what a model is told.
        numbers = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        yield name, np.where(np.isfinite(numbers), numbers, np.nan)


def _frame(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
            return frame.reset_index() if frame.index.name is not None else frame
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except FileNotFoundError:
        raise BadInput(where=str(path), field="file", rule="must exist", value="no such file") from None
    except UnicodeDecodeError as error:
        raise BadInput(where=str(path), field="file", rule="must be UTF-8 text", value=f"byte {error.start}") from None
    except OSError as error:
        raise BadInput(where=str(path), field="file", rule="must be readable", value=str(error)) from None
    except pd.errors.EmptyDataError:
        raise BadInput(where=str(path), field="columns", rule="must be in line 1", value="nothing") from None
    except (pd.errors.ParserError, pa.ArrowException, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(where=str(path), field="file", rule="must be CSV or Parquet", value=reason) from None


def _numbers(column: pd.Series, path: Path, problems: list[BadInput]) -> Floats:
    """Return a column's numbers; blank is NaN, and so is infinite."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(column, ~np.isfinite(numbers), path, problems, "must be a number or blank", blank=True)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _minutes(column: pd.Series, path: Path, problems: list[BadInput], *, round_up: bool, required: bool) -> Integers:
    """Return a column's instants in minutes since the Unix epoch; without an offset they are UTC, as the name says."""
    times = pd.to_datetime(column, errors="coerce", utc=True, format=None if column.dtype.kind == "M" else "ISO8601")
    unknown = times.isna().to_numpy()
    _refuse(column, unknown, path, problems, "must be ISO 8601", blank=not required)
    seconds = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    seconds = np.where(unknown, 0, seconds)
    minutes = -(-seconds // SECONDS_PER_MINUTE) if round_up else seconds // SECONDS_PER_MINUTE
    # What was never available lies beyond all issues.
    return np.where(unknown, np.int64(10**10), minutes).astype(np.int64)


def _refuse(column: pd.Series, wrong: Flags, path: Path, problems: list[BadInput], rule: str, *, blank: bool) -> None:
    for row in np.flatnonzero(wrong).tolist():
        given = column.iloc[row]
        text = "" if pd.isna(given) else str(given).strip()
        if blank and (text.lower() in MISSING_WORDS or text.lower().lstrip("+-") in ("inf", "infinity")):
            continue
        if len(problems) >= PROBLEMS_SHOWN:
            return
        problems.append(BadInput(where=f"{path} row {row + 1}", field=str(column.name), rule=rule, value=text))


def forecasts_csv(
    site: str, issue: pd.DatetimeIndex, target: pd.DatetimeIndex, kw: tuple[Floats, Floats, Floats, Floats]
) -> pd.DataFrame:
    """Return FORECASTS.csv as a table; times as text in UTC with their offset."""
    return pd.DataFrame(
        {
            "issue_time": _texts(issue),
            "target_time": _texts(target),
            "site": site,
            **{name: np.round(part, 4) + 0.0 for name, part in zip(("p10", "p50", "p90", "mean"), kw, strict=True)},
        }
    )


def _texts(instants: pd.DatetimeIndex) -> NDArray[np.str_]:
    """Write instants; each different one once, as there are a hundred rows of each."""
    different, place = np.unique(instants.tz_convert("UTC").tz_localize(None).to_numpy(), return_inverse=True)
    texts: NDArray[np.str_] = np.char.add(np.datetime_as_string(different.astype("datetime64[s]")), "+00:00")[place]
    return texts
