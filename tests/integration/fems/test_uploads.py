"""Past meter data in CSV files: taken whole, or refused whole with the rows and rules."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.gateway.intake.admission import ReadingAdmission
from services.fems.gateway.intake.uploads import Uploads, read_upload
from shared.errors import BadInput, BadInputs
from shared.events.fems import IntervalMetered
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_port_of_its_own
from tests.unit.fems.fields import NOW, a_complex

HEADER = "meter_id,start_utc,import_kwh,export_kwh,quality\n"
LATER = NOW + timedelta(hours=1)


def taken(folder: Path, *contents: str) -> list[IntervalMetered]:
    """Hand files in, one after the other, and return what is published."""
    complex_, clock = a_port_of_its_own(), a_clock()
    with GatewayBench(complex_, folder, clock, MemoryBus()) as gateway:
        uploads = Uploads(ReadingAdmission(complex_), gateway.engine, folder / "uploads")
        for number, content in enumerate(contents):
            (folder / "uploads" / "small" / f"{number}.csv").write_text(content)
            uploads.take(LATER)
        return gateway.published(IntervalMetered)


def test_file_is_published_and_its_correction_is_the_next_version(tmp_path: Path) -> None:
    first = HEADER + "plain.grid,2026-01-07T01:00:00Z,12.345,0,measured\nroof,2026-01-07T10:15:00+09:00,0,7.5,\n"

    found = taken(tmp_path, first, "meter_id,start_utc,import_kwh\nplain.grid,2026-01-07T01:00:00Z,13\n", first)

    grid = [one for one in found if one.meter_id == "plain.grid"]
    [roof] = [one for one in found if one.meter_id == "roof"]
    assert [(one.reading_version, one.import_wh, one.quality.value) for one in grid] == [
        (1, 12_345, "measured"),
        (2, 13_000, "edited"),
        (3, 12_345, "measured"),
    ]
    assert (roof.delivery_start, roof.export_wh, roof.quality.value, roof.flags) == (
        NOW + timedelta(minutes=15),
        7_500,
        "edited",
        ("uploaded",),
    )
    assert sorted(path.name for path in (tmp_path / "uploads" / "small").iterdir()) == ["0.taken", "1.taken", "2.taken"]


def hand_in(folder: Path, lines: list[str]) -> None:
    path = folder / "readings.csv"
    path.write_text("meter_id,start_utc,import_kwh\n" + "\n".join(lines) + "\n")
    read_upload(path, ReadingAdmission(a_complex()), now=LATER)


@pytest.mark.parametrize(
    ("minutes", "energies_kwh", "said"),
    [
        (
            60,
            [40.0] * 24,
            "row 1: start_utc must be one of quarter hours, was '2026-01-05T00:00:00+00:00' (rows are 60",
        ),
        (30, [20.0] * 24, "(rows are 30 minutes apart from here on)"),
        (15, [0.5 * n for n in range(96)], "row 1: import_kwh must be the energy of the interval, not a register's"),
    ],
)
def test_file_of_hours_or_of_a_register_is_refused(
    minutes: int, energies_kwh: list[float], said: str, tmp_path: Path
) -> None:
    first = NOW - timedelta(days=2, hours=1)
    rows = [
        f"plain.grid,{(first + n * timedelta(minutes=minutes)).isoformat()},{energy_kwh}"
        for n, energy_kwh in enumerate(energies_kwh)
    ]

    with pytest.raises(BadInputs) as refused:
        hand_in(tmp_path, rows)

    assert said in str(refused.value)


def test_corrections_of_a_few_single_hours_are_taken(tmp_path: Path) -> None:
    hours = [NOW - timedelta(hours=n) for n in (5, 4, 3, 2)]

    hand_in(tmp_path, [f"plain.grid,{hour.isoformat()},1" for hour in hours])


def test_one_bad_row_refuses_the_file_and_every_problem_is_named(tmp_path: Path) -> None:
    rows = [
        "plain.grid,2026-01-07T01:00:00Z,1,0,",
        "nobody,2026-01-07T01:00:00Z,1,0,",
        "plain.grid,2026-01-07T01:07:00Z,1,0,",
        "plain.grid,2026-01-07T09:00:00Z,1,0,",
        "plain.grid,2026-01-07T01:15:00Z,1.2345,0,",
        "plain.grid,2026-01-07T01:15:00Z,nan,0,",
        "plain.grid,2026-01-07T01:15:00Z,99999,0,",
        "plain.grid,2026-01-07T01:00:00Z,2,0,",
        "plain.grid,2026-01-07T01:15:00Z,1,0,perfect",
        "plain.grid,2024-12-01T01:15:00Z,1,0,",
    ]

    assert taken(tmp_path, HEADER + "\n".join(rows) + "\n") == []

    said = (tmp_path / "uploads" / "small" / "0.problems.txt").read_text().splitlines()
    assert [line.split(" must ")[0] for line in said] == [
        "0.csv row 2: meter_id",
        "0.csv row 3: start_utc",
        "0.csv row 4: start_utc",
        "0.csv row 5: import_kwh",
        "0.csv row 6: import_kwh",
        "0.csv row 7: import_kwh",
        "0.csv row 8: start_utc",
        "0.csv row 9: quality",
        "0.csv row 10: start_utc",
    ]
    assert (tmp_path / "uploads" / "small" / "0.refused").exists()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", HEADER + "plain.grid,2026-01-07T01:00:00Z\n", '"'])
def test_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)

    with pytest.raises(BadInput):
        read_upload(path, ReadingAdmission(a_complex()), now=LATER)


@given(noise=st.binary(max_size=200), energy=st.text(max_size=12))
def test_noise_is_refused_or_read_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, energy: str
) -> None:
    path = tmp_path_factory.mktemp("upload") / "x.csv"
    for content in (noise, HEADER.encode() + f"plain.grid,2026-01-07T01:00:00Z,{energy},0,\n".encode()):
        path.write_bytes(content)
        try:
            found = read_upload(path, ReadingAdmission(a_complex()), now=LATER)
        except (BadInput, BadInputs):
            continue
        assert all(one.import_wh >= 0 for rows in found.values() for one in rows)
