"""`sandan tariff bill` and files that are no month of quarter hours: billed as far as can be, and said, or refused."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app_with
from shared.errors import BadInput, BadInputs
from shared.paths import ROOT

Rows = list[tuple[datetime, float]]

CONTRACT = {
    "class": "industrial_eul",
    "voltage": "HV_A",
    "option": "II",
    "contract_kw": 600,
    "past_peaks_kw": {"2025-07": 561.2, "2025-12": 548.6, "2026-04": 540.1},
}
# What examples/meter.csv costs by its quarter hours: they stay below the 561.2 kW of July 2025, so that whoever knows
# the energy of each band, and nothing of the demand, comes to the same.
TOTAL_KRW = 16_995_750
QUARTER = timedelta(minutes=15)


@pytest.fixture(scope="module")
def quarters() -> Rows:
    """Return May 2026 of a real factory."""
    with (ROOT / "examples" / "meter.csv").open(encoding="utf-8", newline="") as file:
        return [(datetime.fromisoformat(row["start_utc"]), float(row["energy_kwh"])) for row in csv.DictReader(file)]


def longer(rows: Sequence[tuple[datetime, float]], count: int) -> Rows:
    """Add up every few rows."""
    return [
        (rows[n][0], round(sum(energy for _, energy in rows[n : n + count]), 3)) for n in range(0, len(rows), count)
    ]


def shorter(rows: Rows, count: int) -> Rows:
    step = QUARTER / count
    return [(start + n * step, round(energy / count, 3)) for start, energy in rows for n in range(count)]


def register(rows: Rows, first: float) -> Rows:
    shown, readings = first, []
    for start, energy in rows:
        shown += energy
        readings.append((start, round(shown % 100_000, 3)))
    return readings


def bill(folder: Path, rows: Iterable[tuple[object, float]], **changes: object) -> tuple[int, dict[str, Any], str]:
    """Bill rows; returns exit code (2 for what is refused), the answer and what was said beside it."""
    meter, contract = folder / "meter.csv", folder / "contract.json"
    lines = (f"{start.isoformat() if isinstance(start, datetime) else start},{energy}" for start, energy in rows)
    meter.write_text("\n".join(["start_utc,energy_kwh", *lines]) + "\n", encoding="utf-8")
    contract.write_text(json.dumps({**CONTRACT, **changes}), encoding="utf-8")
    arguments = ["tariff", "bill", str(meter), "--contract", str(contract), "--month", "2026-05"]
    ended = CliRunner().invoke(app_with("tariff"), arguments)
    if isinstance(ended.exception, BadInput | BadInputs):
        assert ended.stdout == ""
        return 2, {}, str(ended.exception)
    return ended.exit_code, json.loads(ended.stdout), ended.stderr


def test_quarter_hours_are_billed_whole_without_a_word(quarters: Rows, tmp_path: Path) -> None:
    code, found, said = bill(tmp_path, quarters)

    assert (code, found["total_krw"], found.get("demand_known"), said) == (0, TOTAL_KRW, True, "")


@pytest.mark.parametrize("count", [2, 4])
def test_half_hours_and_hours_are_billed_by_band_and_their_demand_is_unknown(
    count: int, quarters: Rows, tmp_path: Path
) -> None:
    code, found, said = bill(tmp_path, longer(quarters, count))
    _, exact, _ = bill(tmp_path, quarters)

    assert code == 1
    assert (found["energy_kwh"], found["total_krw"]) == (exact["energy_kwh"], TOTAL_KRW)
    assert (found.get("demand_known"), found["billable_peak_kw"], found["highest_kw"]) == (False, None, None)
    assert (found["billing_kw"], found["billing_basis"]) == (561.2, "ratchet")
    assert found["notes"][0].startswith("demand_unknown: ")
    assert f"the month's highest demand is unknown (the meter's intervals are {15 * count} minutes)" in said


def test_hours_without_past_peaks_are_billed_on_the_least_that_their_demand_can_be(
    quarters: Rows, tmp_path: Path
) -> None:
    level = [(start, 100.0) for start, _ in longer(quarters, 4)]

    code, found, _ = bill(tmp_path, level, past_peaks_kw={})

    # 100 kWh an hour are 100 kW at least; 30 % of the contract's 600 kW are more: 180 kW x 8,320.
    assert (code, found["billing_kw"], found["base_charge_krw"]) == (1, 180, 1_497_600)


@pytest.mark.parametrize(
    ("missing", "code", "share"),
    # 5 % of 2,976 intervals are 148.8.
    [(148, 0, 0.0497), (149, 1, 0.0501)],
)
def test_more_than_a_twentieth_estimated_is_no_bill(
    missing: int, code: int, share: float, quarters: Rows, tmp_path: Path
) -> None:
    lost = set(np.random.default_rng(1).choice(len(quarters), missing, replace=False).tolist())

    ended, found, said = bill(tmp_path, [row for n, row in enumerate(quarters) if n not in lost])

    assert (ended, found.get("estimated_share"), found.get("demand_known")) == (code, share, True)
    assert ("5.0 % of the month is estimated, more than 5 %" in said) == (code == 1)


def test_last_day_missing_is_a_gap_like_others(quarters: Rows, tmp_path: Path) -> None:
    code, found, _ = bill(tmp_path, quarters[:-96])

    assert (code, found["intervals_estimated"]) == (0, 96)


def test_one_row_of_a_month_says_nothing_about_its_demand(quarters: Rows, tmp_path: Path) -> None:
    # 25 kWh at noon (KST) on Friday the 1st, a holiday: light, and 100 kW.
    code, found, said = bill(tmp_path, [(quarters[48][0], 25.0)], past_peaks_kw={})

    assert (code, found.get("demand_known"), found["billing_kw"], found["billing_basis"]) == (1, False, 180, "floor")
    assert "100.0 % of the month is estimated" in said
    assert "2975 of 2976 intervals are missing" in said


def test_half_of_a_month_lost_here_and_there_is_not_taken_for_half_hours(quarters: Rows, tmp_path: Path) -> None:
    kept = np.random.default_rng(2).choice(len(quarters), 1_400, replace=False).tolist()

    code, found, said = bill(tmp_path, [quarters[n] for n in kept])

    assert (code, found["intervals_estimated"]) == (1, 1_576)
    assert "1576 of 2976 intervals are missing" in said


def test_standstill_is_no_fault(quarters: Rows, tmp_path: Path) -> None:
    still = [(start, 0.0 if 500 < n < 1_900 else energy) for n, (start, energy) in enumerate(quarters)]

    assert bill(tmp_path, still)[0] == 0
    assert bill(tmp_path, [(start, 0.0) for start, _ in quarters])[0] == 0


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda rows: longer(rows[:1_488], 4) + rows[1_488:], "row 1 (line 2): start_utc must keep the step"),
        (lambda rows: rows[:1_488] + longer(rows[1_488:], 2), "row 1489 (line 1490): start_utc must keep the step"),
        (lambda rows: rows[:-12] + longer(rows[-12:], 4), "(from here on rows are 60 minutes apart"),
        (lambda rows: longer(rows, 8), "start_utc must follow by quarter hours (or half hours, or hours)"),
        (lambda rows: longer(rows, 96), "(rows are 1440 minutes apart)"),
        (lambda rows: shorter(rows[:960], 3), "(rows are 5 minutes apart: add their energy up to quarter hours"),
        (lambda rows: shorter(rows[:96], 15), "(rows are 1 minutes apart: add their energy up"),
        (lambda rows: [(start + timedelta(minutes=7), energy) for start, energy in rows], "(2976 rows do not)"),
        (lambda rows: [(start + QUARTER, energy) for start, energy in rows], "the interval's start, not its end"),
        (
            lambda rows: [(f"{start + timedelta(hours=9):%Y-%m-%dT%H:%M}", energy) for start, energy in rows],
            "without an offset it is UTC",
        ),
        (
            lambda rows: [
                (f"{start + timedelta(hours=9):%Y-%m-%dT%H:%M}{'' if n % 9 else '+09:00'}", energy)
                for n, (start, energy) in enumerate(rows)
            ],
            "start_utc must have an offset, as other rows have another than UTC's",
        ),
        (
            lambda rows: [(start + 2 * QUARTER, energy) for start, energy in longer(rows, 4)[:-1]],
            "start_utc must begin on a multiple of the file's step, 60 minutes",
        ),
        (lambda rows: register(rows, 0), "not a register's reading, was '3.64'"),
        (lambda rows: register(rows, 99_990), "not a register's reading"),
        (lambda rows: register(longer(rows, 4), 51_234), "not a register's reading"),
        (lambda rows: list(reversed(register(rows, 51_234))), "not a register's reading"),
        # Twice 600 kW are 300 kWh in a quarter hour.
        (
            lambda rows: [(start, 1_000 * energy) for start, energy in rows],
            "row 1 (line 2): energy_kwh must be <= 300 kWh in 15 minutes, 2 times the contract power of 600 kW",
        ),
        (lambda rows: [(start, 4 * energy) for start, energy in rows], "or average power?"),
        (lambda rows: [(start, 51_234.5) for start, _ in rows], "energy_kwh must be <= 300 kWh"),
        (lambda rows: [(start, 1_201.0) for start, _ in longer(rows, 4)], "must be <= 1200 kWh in 60 minutes"),
    ],
)
def test_file_that_is_something_else_is_refused_by_row_field_and_rule(
    made: Callable[[Rows], Rows], said: str, quarters: Rows, tmp_path: Path
) -> None:
    code, _, problem = bill(tmp_path, made(quarters))

    assert code == 2
    assert said in problem
    assert problem.startswith(f"{tmp_path / 'meter.csv'} row ")


def test_power_for_energy_within_a_large_contract_shows_beside_the_past_peaks(quarters: Rows, tmp_path: Path) -> None:
    code, found, said = bill(tmp_path, [(start, 4 * energy) for start, energy in quarters], contract_kw=2_000)

    assert (code, found.get("demand_known")) == (1, True)
    assert "is more than 2.5 times the highest past peak given, 561.2 kW" in said


def test_megawatt_hours_show_beside_the_contract(quarters: Rows, tmp_path: Path) -> None:
    code, _, said = bill(tmp_path, [(start, energy / 1_000) for start, energy in quarters])

    assert code == 1
    assert "is next to nothing beside the contract power of 600 kW: is energy_kwh in kWh, and not in MWh?" in said


def test_times_without_offset_are_taken_for_utc_and_the_notes_say_so(quarters: Rows, tmp_path: Path) -> None:
    code, found, _ = bill(tmp_path, [(f"{start:%Y-%m-%dT%H:%M}", energy) for start, energy in quarters])

    assert (code, found["total_krw"]) == (0, TOTAL_KRW)
    assert any(note.startswith("meter_without_offset: 2976 times have no offset") for note in found["notes"])


def test_times_of_different_offsets_are_instants_like_others(quarters: Rows, tmp_path: Path) -> None:
    korean = [
        (f"{start + timedelta(hours=9):%Y-%m-%dT%H:%M}+09:00" if n % 2 else start, energy)
        for n, (start, energy) in enumerate(quarters)
    ]

    code, found, _ = bill(tmp_path, korean)

    assert (code, found["total_krw"]) == (0, TOTAL_KRW)
