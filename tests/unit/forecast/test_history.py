"""The meter archive: what is read, and how each broken rule is named."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from shared.complex.complexes import Complexes, load_complexes
from shared.errors import BadInput
from shared.metering.history import COLUMNS, MeterReading, read_history
from shared.paths import DEMO_COMPLEX

HEADER = ",".join(COLUMNS)
GOOD = "changwon-demo,hanbit-roof,hanbit-machining,pv,2026-05-20T09:00:00+09:00,0,41250"


@pytest.fixture(scope="module")
def complexes() -> Complexes:
    return load_complexes([DEMO_COMPLEX])


def an_archive(folder: Path, *lines: str) -> Path:
    path = folder / "archive.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_row_is_a_reading_in_utc(complexes: Complexes, tmp_path: Path) -> None:
    readings = read_history(an_archive(tmp_path, HEADER, GOOD), complexes)

    # 09:00 in Korea is midnight UTC.
    start = datetime(2026, 5, 20, 0, 0, tzinfo=UTC)
    assert readings == [
        MeterReading(
            complex_id="changwon-demo", meter_id="hanbit-roof", delivery_start=start, import_wh=0, export_wh=41250
        )
    ]


@pytest.mark.parametrize(
    ("broken", "field", "value"),
    [
        (GOOD.replace("changwon-demo", "elsewhere"), "complex_id", "elsewhere"),
        (GOOD.replace("hanbit-roof", "attic"), "meter_id", "attic"),
        (GOOD.replace("hanbit-machining", "daesung-casting"), "participant_id", "daesung-casting"),
        (GOOD.replace(",pv,", ",ess,"), "meter_kind", "ess"),
        (GOOD.replace("2026-05-20T09:00:00+09:00", "yesterday"), "delivery_start", "yesterday"),
        (GOOD.replace("+09:00", ""), "delivery_start", "2026-05-20T09:00:00"),
        (GOOD.replace("T09:00", "T09:05"), "delivery_start", "2026-05-20T09:05:00+09:00"),
        (GOOD.replace(",0,", ",-1,"), "import_wh", "-1"),
        (GOOD.replace(",0,", ",,"), "import_wh", ""),
        (GOOD.replace("41250", "4.5"), "export_wh", "4.5"),
        (GOOD.replace("41250", "9" * 400), "export_wh", "9" * 400),
        (GOOD + ",7", "columns", 8),
        ("", "columns", 0),
    ],
)
def test_broken_row_is_named_with_its_field_and_value(
    complexes: Complexes, tmp_path: Path, broken: str, field: str, value: object
) -> None:
    # A good row of another interval comes first, so the broken one is row 3.
    path = an_archive(tmp_path, HEADER, GOOD.replace("T09:00", "T08:00"), broken)

    with pytest.raises(BadInput) as refused:
        read_history(path, complexes)

    assert refused.value.where == f"{path} row 3"
    assert refused.value.field == field
    assert refused.value.value == value


def test_same_meter_and_interval_twice_is_refused_even_in_another_zone(complexes: Complexes, tmp_path: Path) -> None:
    again = GOOD.replace("2026-05-20T09:00:00+09:00", "2026-05-20T00:00:00Z")

    with pytest.raises(BadInput, match="row 3: delivery_start must occur once for hanbit-roof"):
        read_history(an_archive(tmp_path, HEADER, GOOD, again), complexes)


def test_wrong_header_is_refused(complexes: Complexes, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"row 1: columns must be complex_id,meter_id"):
        read_history(an_archive(tmp_path, "a,b,c", GOOD), complexes)


def test_file_that_is_missing_or_no_text_is_refused(complexes: Complexes, tmp_path: Path) -> None:
    binary = tmp_path / "archive.bin"
    binary.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BadInput, match="file must be readable"):
        read_history(tmp_path / "nowhere.csv", complexes)
    with pytest.raises(BadInput, match="file must be CSV in UTF-8"):
        read_history(binary, complexes)


def a_day(
    energies_wh: Iterable[int], *, minutes: int = 15, meter: str = "hanbit-machining.grid,hanbit-machining,grid"
) -> list[str]:
    """Return rows of a meter from midnight in Korea on."""
    first = datetime(2026, 5, 19, 15, tzinfo=UTC)
    meter_id, rest = meter.split(",", 1)
    return [
        f"changwon-demo,{meter_id},{rest},{(first + n * timedelta(minutes=minutes)).isoformat()},{energy_wh},0"
        for n, energy_wh in enumerate(energies_wh)
    ]


@pytest.mark.parametrize(
    ("rows", "field", "row", "said"),
    [
        (a_day([90_000] * 24, minutes=60), "delivery_start", 2, "60 minutes apart from here on"),
        (a_day([90_000] * 48, minutes=30), "delivery_start", 2, "30 minutes apart from here on"),
        (a_day([90_000] * 96) + a_day([90_000] * 48, minutes=60)[24:], "delivery_start", 98, "60 minutes apart"),
        (a_day([7_000_000 + 25_000 * n for n in range(96)]), "import_wh", 2, "not a register's reading"),
        # hanbit's contract is 1,000 kW, its battery 250 kW: 1.2 x (2 x 1000 + 250) kW are 675 kWh in 15 minutes.
        (a_day([25_000, 675_001, 25_000]), "import_wh", 3, "must be <= 675000 Wh, what can flow through"),
    ],
)
def test_meter_whose_rows_are_no_energy_by_quarter_hour_is_named(
    complexes: Complexes, tmp_path: Path, rows: list[str], field: str, row: int, said: str
) -> None:
    path = an_archive(tmp_path, HEADER, *rows)

    with pytest.raises(BadInput) as refused:
        read_history(path, complexes)

    assert (refused.value.where, refused.value.field) == (f"{path} row {row}", field)
    assert "hanbit-machining.grid" in str(refused.value)
    assert said in str(refused.value)


def test_quarter_hours_with_gaps_and_a_meter_that_stands_still_are_taken(complexes: Complexes, tmp_path: Path) -> None:
    rows = a_day([25_000] * 96)
    path = an_archive(
        tmp_path, HEADER, *rows[:40], *rows[52:], *a_day([0] * 96, meter="hanbit-ess,hanbit-machining,ess")
    )

    assert len(read_history(path, complexes)) == 84 + 96


def a_parquet(folder: Path, **columns: Sequence[object]) -> Path:
    """Write the row of `GOOD` as Parquet, with other columns (None: without it)."""
    start = datetime(2026, 5, 20, tzinfo=UTC)
    good = ("changwon-demo", "hanbit-roof", "hanbit-machining", "pv", start, 0, 41250)
    found = {name: [one] for name, one in zip(COLUMNS, good, strict=True)} | columns
    path = folder / "archive.parquet"
    parquet.write_table(pa.table(found), path)
    return path


def test_parquet_archive_says_what_the_csv_says(complexes: Complexes, tmp_path: Path) -> None:
    assert read_history(a_parquet(tmp_path), complexes) == read_history(an_archive(tmp_path, HEADER, GOOD), complexes)


TWICE = {name: [one, one] for name, one in zip(COLUMNS, (*GOOD.split(",")[:4], None, 0, 7), strict=True)}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"complex_id": ["elsewhere"]}, "row 1: complex_id must be one of ['changwon-demo'], was 'elsewhere'"),
        ({"meter_id": ["attic"]}, "row 1: meter_id must be a meter of changwon-demo, was 'attic'"),
        ({"participant_id": ["daesung-casting"]}, "row 1: participant_id must be hanbit-machining for hanbit-roof"),
        ({"meter_kind": ["ess"]}, "row 1: meter_kind must be pv for hanbit-roof, was 'ess'"),
        ({"meter_kind": [None]}, "row 1: meter_kind must not be null"),
        ({"delivery_start": [datetime(2026, 5, 20)]}, "delivery_start must be timestamps with a time zone"),  # noqa: DTZ001 -- refused
        ({"delivery_start": ["2026-05-20"]}, "delivery_start must be timestamps with a time zone, was 'string'"),
        (
            {"delivery_start": [datetime(2026, 5, 20, 0, 5, tzinfo=UTC)]},
            "row 1: delivery_start must be the start of a quarter hour, was '2026-05-20 00:05:00+00:00'",
        ),
        ({"import_wh": [-1]}, "row 1: import_wh must be a whole number of Wh from 0 to 1000000000000, was '-1'"),
        ({"import_wh": [0.5]}, "import_wh must be of the type int64, was 'double'"),
        ({"quality": ["measured"]}, "columns must be complex_id,"),
        (
            TWICE | {"delivery_start": [datetime(2026, 5, 20, tzinfo=UTC)] * 2},
            "row 2: delivery_start must occur once for each meter, was '2026-05-20 00:00:00+00:00'",
        ),
        ({"export_wh": [3_000_000]}, "row 1: export_wh must be <= 300000 Wh, what can flow through hanbit-roof"),
    ],
)
def test_broken_parquet_archive_is_named_with_its_field_and_value(
    complexes: Complexes, tmp_path: Path, columns: dict[str, Sequence[object]], told: str
) -> None:
    with pytest.raises(BadInput) as raised:
        read_history(a_parquet(tmp_path, **columns), complexes)

    assert told in str(raised.value)


def test_file_that_only_is_called_parquet_is_named(complexes: Complexes, tmp_path: Path) -> None:
    path = tmp_path / "archive.parquet"
    path.write_text(HEADER)

    with pytest.raises(BadInput, match="file must be Parquet"):
        read_history(path, complexes)


def test_absent_parquet_archive_is_named(complexes: Complexes, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="file must be readable"):
        read_history(tmp_path / "archive.parquet", complexes)
