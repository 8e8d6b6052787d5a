"""`sandan devices energy`: what a deployment's meters measured, by meter, factory, feeder or complex."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import EXIT_WRONG_ANSWER, ComplexFile, Folder, Pretty, print_answer
from shared.errors import BadInput
from shared.intervals import DAY, day_start, trading_day_of
from shared.paths import DEMO_COMPLEX
from shared.units import kwh_text

if TYPE_CHECKING:
    from services.fems.domain.metering.rollup import Reading, Sum
    from services.fems.domain.metering.sum_checks import Unbalanced
    from shared.complex.model import Complex

DAYS_MAX = 400


class Group(StrEnum):
    """Whose energy is summed: every meter's own, or what crosses the grid connections of more than one."""

    METER = "meter"
    FACTORY = "factory"
    FEEDER = "feeder"
    COMPLEX = "complex"


class Per(StrEnum):
    """What is summed over."""

    MINUTE = "1min"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"


def energy(
    first: Annotated[str, typer.Option("--from", help="First Korean day, such as 2026-05-20. / 첫날.")],
    last: Annotated[str | None, typer.Option("--to", help="Last day; default: the first. / 마지막 날.")] = None,
    by: Annotated[Group, typer.Option(help="Whose energy. / 집계 대상.")] = Group.FACTORY,
    per: Annotated[Per, typer.Option(help="Over what time. / 집계 기간.")] = Per.HOUR,
    folder: Folder = None,
    *,
    complex_file: ComplexFile = None,
    archive: Annotated[
        Path | None, typer.Option(help="Read the gateway's Parquet archive, not its database. / 보관 폴더에서 읽기.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Also write every reading into this folder, a Parquet file a day. / 저장 폴더.")
    ] = None,
    pretty: Pretty = False,
) -> None:
    """Sum metered energy; exit 1 where readings are absent or contradict. / 계량 전력량을 집계합니다.

    Needs what a deployment has left, such as `sandan demo` in var/demo-8000, or an archive. / 배포가 남긴 데이터(예:
    `sandan demo`의 var/demo-8000)나 보관 폴더가 필요합니다.

    Example: sandan devices energy --from 2026-05-20 --by feeder --per day --folder var/demo-8000
    """
    from services.fems.domain.metering.rollup import RollupPeriod, rolled_up
    from shared.complex.model import load_complex

    period, minutes = RollupPeriod(per.value), per is Per.MINUTE
    if minutes and parquet is not None:
        raise BadInput(where="command line", field="--parquet", rule="must go without --per 1min", value=per.value)
    days = _days(first, last)
    own = None if folder is None else folder / "complex.yaml"
    complex_ = load_complex(complex_file or (own if own is not None and own.exists() else DEMO_COMPLEX))
    if archive is not None:
        readings = archived(archive, complex_, days, minutes=minutes)
    else:
        readings = in_database(folder, complex_, days, minutes=minutes)
    groups = groups_of(complex_, by)
    sums = rolled_up(readings, groups, period)
    # Meters are not read at the same instant, so that their minutes can't be held against each other.
    contradicted = [] if minutes else contradicted_in(readings, complex_)
    if parquet is not None:
        write_parquet(parquet, complex_, readings)
    wanted = len(set(groups.values())) * len(days) * period.per_day
    answer = {
        "complex_id": complex_.complex_id,
        "by": by.value,
        "per": per.value,
        "note": complex_.note.en,
        "sums": [_sum(one) for one in sums],
        "unbalanced": [
            {"factory": one.group, "start_utc": one.start.isoformat(), "load_kwh": kwh_text(one.load_wh)}
            for one in contradicted
        ],
        "complete": len(sums) == wanted and all(one.absent == 0 for one in sums),
    }
    print_answer(answer, pretty=pretty)
    if contradicted or not answer["complete"]:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def groups_of(complex_: "Complex", by: Group) -> Mapping[str, str]:
    """Return each meter's group; beyond single meters only grid meters count, as they have all else behind them."""
    from shared.events.fems import MeterKind

    if by is Group.METER:
        return {device.device_id: device.device_id for device in complex_.field_devices}
    owners = complex_.by_participant
    return {
        device.device_id: {
            Group.FACTORY: device.participant_id,
            Group.FEEDER: owners[device.participant_id].feeder_id,
            Group.COMPLEX: complex_.complex_id,
        }[by]
        for device in complex_.devices
        if device.kind is MeterKind.GRID
    }


def contradicted_in(readings: "Sequence[Reading]", complex_: "Complex") -> "list[Unbalanced]":
    """Return where a factory's meters contradict each other."""
    from services.fems.domain.metering.sum_checks import unbalanced
    from shared.events.fems import MeterKind

    owners = {device.device_id: device.participant_id for device in complex_.devices}
    grid_meters = {device.device_id for device in complex_.devices if device.kind is MeterKind.GRID}
    return unbalanced((reading for reading in readings if reading.meter_id in owners), owners, grid_meters)


def in_database(folder: Path | None, complex_: "Complex", days: "Sequence[date]", *, minutes: bool) -> "list[Reading]":
    """Read days of a deployment's database."""
    from cli.kept import database_of, kept_by
    from services.fems.store import minutes_between, readings_between

    read = minutes_between if minutes else readings_between
    with kept_by("fems", database_of(folder)) as db:
        return read(db, complex_.complex_id, day_start(days[0]), day_start(days[-1]) + DAY)


def write_parquet(folder: Path, complex_: "Complex", readings: "Sequence[Reading]") -> None:
    """Write quarter hours as the gateway's archive has them; a day that was written before is replaced."""
    from services.fems.gateway.archive import day_file, write_day

    def day_of(reading: "Reading") -> date:
        return trading_day_of(reading.start)

    for day, found in groupby(sorted(readings, key=lambda one: (one.start, one.meter_id)), key=day_of):
        path = day_file(folder, complex_.complex_id, day)
        try:
            write_day(path, found)
        except OSError as error:
            rule = "must be in a folder that can be written"
            raise BadInput(where=str(path), field="file", rule=rule, value=error.strerror) from None


def archived(folder: Path, complex_: "Complex", days: "Sequence[date]", *, minutes: bool) -> "list[Reading]":
    """Read days of the gateway's archive; those without a file have no readings."""
    from services.fems.gateway.archive import day_file, read_day

    if not folder.is_dir():
        raise BadInput(where="command line", field="--archive", rule="must be a folder", value=str(folder))
    readings: list[Reading] = []
    for day in days:
        path = day_file(folder, complex_.complex_id, day, minutes=minutes)
        try:
            readings += read_day(path)
        except (OSError, ValueError) as error:
            rule = "must be a file that the gateway wrote"
            raise BadInput(where=str(path), field="file", rule=rule, value=str(error).splitlines()[0]) from None
    return readings


def _days(first: str, last: str | None) -> list[date]:
    start, end = _day("--from", first), _day("--to", first if last is None else last)
    if not start <= end < start + timedelta(days=DAYS_MAX):
        rule = f"must be the day of --from or later, by less than {DAYS_MAX} days"
        raise BadInput(where="command line", field="--to", rule=rule, value=str(last))
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def _day(option: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 -- a day has no offset
    except ValueError:
        rule = "must be a day such as 2026-05-20"
        raise BadInput(where="command line", field=option, rule=rule, value=text) from None


def _sum(one: "Sum") -> dict[str, Any]:
    flows = {"import_kwh": kwh_text(one.import_wh), "export_kwh": kwh_text(one.export_wh)}
    return {
        "group": one.group,
        "start_utc": one.start.isoformat(),
        **flows,
        "readings": one.qualities,
        "absent": one.absent,
    }
