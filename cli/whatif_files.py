"""What `sandan whatif` reads and writes: the study file, meter readings of its days, and a study's folder."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cli.output import read_json, writing
from services.planner.domain.scenarios import Scenario, expand
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, load_complex
from shared.errors import BadInput, BadInputs
from shared.intervals import INTERVALS_PER_DAY, day_start, delivery_starts, trading_day_of
from shared.metering.history import MeterReading, read_history
from shared.paths import DEMO_COMPLEX
from shared.reference.load import read_reference
from shared.study_fields import OPTIONS_AS_IS, SCALES_AS_BUILT, SCENARIOS_MAX, OptionNames, Scales
from shared.validation import checked

DAYS_MAX = 31
RESULTS, SUMMARY, PLOT = "results.csv", "summary.json", "summary.png"
COLUMNS = (
    "trading_day",
    "participant_id",
    "battery_scale",
    "pv_scale",
    "tariff_option",
    "cost_krw",
    "grid_import_kwh",
    "grid_export_kwh",
)


def _listed(given: object) -> object:
    """Write `{from, to}` out as a list of days."""
    if not isinstance(given, dict):
        return given
    first, last = given.get("from"), given.get("to")
    if set(given) != {"from", "to"} or not isinstance(first, date) or not isinstance(last, date):
        raise ValueError("must be a list of days, or `from` and `to`, days such as 2026-05-20")
    if not first <= last < first + timedelta(days=DAYS_MAX):
        raise ValueError(f"`to` must be the day of `from` or later, by less than {DAYS_MAX} days")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _each_once(given: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(given)) < len(given):
        raise ValueError("must name each once")
    return given


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StudyFile(_Record):
    """A study as its file (YAML) asks for it; paths are seen from the file's folder.

    Attributes:
        complex_file: Whose days; None: the demo's complex.
        history: Meter archive (CSV, `shared.metering.history`); None: what simulated meters would have shown.
        days: Korean days, a list or `{from, to}`.
    """

    complex_file: Path | None = Field(default=None, alias="complex")
    history: Path | None = None
    days: Annotated[
        tuple[date, ...],
        Field(min_length=1, max_length=DAYS_MAX),
        BeforeValidator(_listed),
        AfterValidator(_each_once),
    ]
    battery_scales: Annotated[Scales, AfterValidator(_each_once)] = SCALES_AS_BUILT
    pv_scales: Annotated[Scales, AfterValidator(_each_once)] = SCALES_AS_BUILT
    tariff_options: Annotated[OptionNames, AfterValidator(_each_once)] = OPTIONS_AS_IS

    @model_validator(mode="after")
    def _not_too_many(self) -> "StudyFile":
        count = len(self.scenarios)
        if count > SCENARIOS_MAX:
            raise ValueError(f"combinations must be at most {SCENARIOS_MAX} in number, were {count}")
        return self

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Return every combination, in the order of results."""
        return expand(self.battery_scales, self.pv_scales, self.tariff_options)


class SaidNote(_Record):
    """What has to be known before the figures are used."""

    code: str
    en: str
    ko: str


class FeederLimitBroken(_Record):
    """A feeder's limit that a day of a combination breaks."""

    trading_day: date
    feeder_id: str
    direction: str
    limit_kw: Decimal
    highest_kw: Decimal
    intervals: int


class Sums(_Record):
    """What a combination came to, over all days and factories."""

    battery_scale: float
    pv_scale: float
    tariff_option: str
    cost_krw: int
    grid_import_kwh: Decimal
    grid_export_kwh: Decimal
    feeder_limits_broken: tuple[FeederLimitBroken, ...] = ()

    @property
    def combination(self) -> tuple[float, float, str]:
        """Return what tells it from the study's other sums."""
        return self.battery_scale, self.pv_scale, self.tariff_option


class Summary(_Record):
    """A study's answer, as printed and as kept in its folder.

    Attributes:
        not_modelled: What the figures leave out.
        warnings: What in this study's answer is assumed, or can't be had as it stands.
        study: As read.
        complex_note: What the complex file says of itself, such as that it is made up.
        synthetic: Whether the readings were simulated, for want of a history.
    """

    not_modelled: tuple[SaidNote, ...] = ()
    warnings: tuple[SaidNote, ...] = ()
    study: StudyFile
    complex_id: str
    complex_note: str
    synthetic: bool
    participants: tuple[str, ...]
    sums: tuple[Sums, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return it as one JSON object."""
        return self.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True)
class Study:
    """A study file with its complex."""

    path: Path
    asked: StudyFile
    complex_: Complex

    def readings(self) -> dict[date, list[MeterReading]]:
        """Return the readings of each of the study's days.

        Raises:
            BadInput: The history breaks a rule, or the complex names a load profile that does not exist.
        """
        by_day: dict[date, list[MeterReading]] = {day: [] for day in self.asked.days}
        if self.asked.history is None:
            return {day: _simulated(self.complex_, day) for day in by_day}
        complexes = Complexes(self.complex_)
        for one in read_history(self.path.parent / self.asked.history, complexes):
            if (day := trading_day_of(one.delivery_start)) in by_day:
                by_day[day].append(one)
        return by_day


def read_study(path: Path) -> Study:
    """Read a study file and its complex.

    Raises:
        BadInput: A file is missing or is not YAML (BadInputs: it breaks rules).
    """
    asked = read_reference(path, StudyFile)
    own = asked.complex_file
    return Study(path, asked, load_complex(DEMO_COMPLEX if own is None else path.parent / own))


def read_summary(folder: Path) -> Summary:
    """Read the summary of a study that was run into a folder.

    Raises:
        BadInput: There is none (BadInputs: it is not one).
    """
    path = folder / SUMMARY
    return checked(Summary, read_json(path), where=str(path))


def require_writable(folder: Path, asked: StudyFile) -> None:
    """Refuse a folder that holds anything but the same study.

    Raises:
        BadInput: It does.
    """
    rule = "must be a new or empty folder, or that of the same study"
    if not folder.is_dir():
        if folder.exists():
            raise BadInput(where="command line", field="--out", rule=rule, value=str(folder), hint="it is a file")
        return
    if not any(folder.iterdir()):
        return
    try:
        kept = read_summary(folder)
    except (BadInput, BadInputs):
        raise BadInput(
            where="command line", field="--out", rule=rule, value=str(folder), hint="it holds no study"
        ) from None
    if kept.study != asked:
        raise BadInput(where="command line", field="--out", rule=rule, value=str(folder), hint="it holds another study")


def write_study(
    folder: Path, summary: Summary, rows: Iterable[Sequence[object]], draw: Callable[[Summary, Path, str], None]
) -> None:
    """Write a study's folder, all of its files or none.

    Args:
        folder: Made if it is not there.
        summary: For summary.json, and drawn.
        rows: For results.csv, in the order of COLUMNS.
        draw: Draws a summary to a file, in a format.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule = "must be a folder that can be made"
        raise BadInput(where="command line", field="--out", rule=rule, value=error.strerror) from None
    results, summary_file, plot = (folder / name for name in (RESULTS, SUMMARY, PLOT))
    with writing(results, plot, summary_file) as drafts:
        with drafts[results].open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows)
        draw(summary, drafts[plot], "png")
        text = json.dumps(summary.as_json(), ensure_ascii=False, indent=2, allow_nan=False)
        drafts[summary_file].write_text(text + "\n", encoding="utf-8")


def _simulated(complex_: Complex, day: date) -> list[MeterReading]:
    from services.fems.simulator.history import history

    starts = delivery_starts(day)
    meters = history(complex_, day_start(day), INTERVALS_PER_DAY).meters
    return [
        MeterReading(complex_.complex_id, device.device_id, start, int(import_wh), int(export_wh))
        for device in complex_.devices
        for start, import_wh, export_wh in zip(starts, *meters[device.device_id], strict=True)
    ]
