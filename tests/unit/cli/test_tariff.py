"""`sandan tariff`: answers as JSON, and bad input named with exit code 2."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from shared.paths import INFRA

Run = Callable[..., tuple[int, str, str]]

QUOTE = ("tariff", "quote", "--class", "industrial_eul", "--voltage", "HV_A", "--option", "II", "--start")
CONTRACT = {
    "class": "industrial_eul",
    "voltage": "HV_A",
    "option": "II",
    "contract_kw": 300,
    "past_peaks_kw": {"2025-08": 95.5},
    "fuel_adjustment_krw_per_kwh": None,
    "power_factor": False,
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a verb in this process: exit code, stdout, stderr."""

    def sandan(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sandan", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, shown.out, shown.err

    return sandan


@pytest.fixture
def meter(tmp_path: Path) -> Path:
    """July 2026, 10 kWh in each quarter hour."""
    file = tmp_path / "meter.csv"
    first = datetime(2026, 6, 30, 15, tzinfo=UTC)
    rows = [f"{(first + n * timedelta(minutes=15)).strftime('%Y-%m-%dT%H:%M:%SZ')},10.000" for n in range(2976)]
    file.write_text("\n".join(["start_utc,energy_kwh", *rows]) + "\n", encoding="utf-8")
    return file


def contract(folder: Path, **changes: object) -> Path:
    file = folder / "contract.json"
    file.write_text(json.dumps({**CONTRACT, **changes}), encoding="utf-8")
    return file


def bill(run: Run, meter: Path, agreed: Path, month: str = "2026-07") -> tuple[int, str, str]:
    return run("tariff", "bill", meter, "--contract", agreed, "--month", month)


def edited(meter: Path, old: str, new: str) -> Path:
    text = meter.read_text(encoding="utf-8")
    assert old in text
    meter.write_text(text.replace(old, new, 1), encoding="utf-8")
    return meter


def test_quote_gives_the_price_paid_and_the_rate_before_the_discount(run: Run) -> None:
    code, out, _ = run(*QUOTE, "2026-04-18T11:15")

    assert code == 0
    assert json.loads(out) == {
        "version": "eul_2026-04-16",
        "season": "spring_fall",
        "day_kind": "saturday",
        "band": "mid",
        "discount_factor": 0.5,
        "energy_krw_per_kwh": 66.7,
        "rate_krw_per_kwh": 133.4,
    }


def test_quote_takes_another_offset_at_its_word(run: Run) -> None:
    assert run(*QUOTE, "2026-04-18T02:15Z") == run(*QUOTE, "2026-04-18T11:15")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*QUOTE, "yesterday"), "command line: --start must be a time"),
        ((*QUOTE, "0001-01-01T00:00"), "command line: --start must be a time"),
        ((*QUOTE, "2019-05-01T12:00"), "command line: --start must be a day with known prices"),
        ((*QUOTE, "2028-05-01T12:00"), "command line: --start must lie within the known holidays"),
        ((*QUOTE, "2026-05-01T12:00", "--class", "eul"), "command line: --class must be one of industrial_eul"),
        ((*QUOTE, "2026-05-01T12:00", "--voltage", "low"), "command line: --voltage must be one of HV_A, HV_B, HV_C"),
        ((*QUOTE, "2026-05-01T12:00", "--option", "IV"), "command line: --option must be one of I, II, III"),
        ((*QUOTE, "2026-05-01T12:00", "--tariff", "none"), "none.yaml: file must be readable"),
    ],
)
def test_quote_names_bad_input(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_bill_has_every_line_of_the_interface(run: Run, meter: Path, tmp_path: Path) -> None:
    code, out, _ = bill(run, meter, contract(tmp_path))

    assert code == 0
    found: dict[str, Any] = json.loads(out)
    # Worked in tests/unit/tariff/test_bill.py, but billed on the 95.5 kW of August 2025: 794,560 won. Subtotal
    # 794,560 + 4,492,384 + 267,840; tax 555,478.4; fund 149,979.2, down to 10; total 6,260,232, down to 10.
    assert {key: found[key] for key in found if key not in {"notes", "energy_lines"}} == {
        "month": "2026-07",
        "version": "eul_2026-04-16",
        "energy_kwh": {"light": 15200, "mid": 9280, "peak": 5280},
        "energy_charge_krw": 4_492_384,
        "weekend_discount_krw": 0,
        "billing_kw": 95.5,
        "billing_basis": "ratchet",
        "base_charge_krw": 794_560,
        "power_factor_krw": 0,
        "excess_krw": 0,
        "climate_krw": 267_840,
        "fuel_krw": 0,
        "subtotal_krw": 5_554_784,
        "vat_krw": 555_478,
        "fund_krw": 149_970,
        "total_krw": 6_260_230,
        "demand_known": True,
        "billable_peak_kw": 40,
        "highest_kw": 40,
        "intervals_estimated": 0,
        "estimated_share": 0,
    }
    assert any(note.startswith("fuel_adjustment_assumed:") for note in found["notes"])


def test_bill_of_rows_in_any_order_and_form_of_time_is_the_same(run: Run, meter: Path, tmp_path: Path) -> None:
    agreed = contract(tmp_path)
    expected = bill(run, meter, agreed)
    header, *rows = meter.read_text(encoding="utf-8").splitlines()
    turned = [row.replace("Z,", "+00:00,") if n % 2 else row.replace("Z,", ",") for n, row in enumerate(reversed(rows))]
    meter.write_text("\n".join([header, *turned]), encoding="utf-8")

    code, out, _ = bill(run, meter, agreed)
    said, given = json.loads(out), json.loads(expected[1])

    assert (code, said.pop("notes")[:-1]) == (0, given.pop("notes"))
    assert said == given


def test_gap_is_billed_and_listed(run: Run, meter: Path, tmp_path: Path) -> None:
    code, out, _ = bill(run, edited(meter, "2026-07-15T01:00:00Z,10.000\n", ""), contract(tmp_path))

    found = json.loads(out)
    assert (code, found["intervals_estimated"], sum(found["energy_kwh"].values())) == (0, 1, 29_760)
    assert "2026-07-15T10:00+09:00 to 2026-07-15T10:15+09:00" in found["notes"][0]


def test_energy_finer_than_a_wh_is_rounded_and_noted(run: Run, meter: Path, tmp_path: Path) -> None:
    # 10.0005 kWh is half a Wh above 10.000; 1e-05 kWh is nothing.
    edited(meter, "2026-07-15T01:00:00Z,10.000", "2026-07-15T01:00:00Z,10.0005")
    edited(meter, "2026-07-15T01:15:00Z,10.000", "2026-07-15T01:15:00Z,1e-05")

    code, out, _ = bill(run, meter, contract(tmp_path))

    found = json.loads(out)
    assert (code, round(sum(found["energy_kwh"].values()), 3)) == (0, 29_750.001)
    assert found["notes"][-1] == "meter_rounded: 2 numbers were finer than a Wh and rounded half up to it"


def test_notes_are_there_in_korean(run: Run, meter: Path, tmp_path: Path) -> None:
    arguments = ("tariff", "bill", meter, "--contract", contract(tmp_path), "--month", "2026-07", "--language", "ko")
    _, out, _ = run(*arguments, "--pretty")

    assert any("연료비조정요금" in note for note in json.loads(out)["notes"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("01:00:00Z,10.000", "01:00:00Z,-1", "energy_kwh must be >= 0"),
        ("01:00:00Z,10.000", "01:00:00Z,nan", "energy_kwh must be a decimal number, was 'nan'"),
        ("01:00:00Z,10.000", "01:00:00Z,", "energy_kwh must be a decimal number"),
        ("01:00:00Z,10.000", "01:00:00Z,1e9", "energy_kwh must be >= 0 and <= 1,000,000"),
        ("01:00:00Z,10.000", "01:00:00Z", "energy_kwh must be there"),
        ("2026-07-15T01:15:00Z", "2026-07-15T01:00:00Z", "start_utc must not overlap another row's interval"),
        ("2026-07-15T01:15:00Z", "2026-07-15T10:00:00+09:00", "start_utc must not overlap"),
        ("2026-07-15T01:15:00Z", "2026-07-15T01:10:00Z", "start_utc must begin on a quarter hour"),
        ("2026-07-15T01:15:00Z", "2026-06-15T01:15:00Z", "start_utc must lie in 2026-07"),
        ("2026-07-15T01:15:00Z", "soon", "start_utc must be a time as ISO 8601"),
        ("start_utc,energy_kwh", "start_utc,kwh", "header must be start_utc,energy_kwh"),
    ],
)
def test_meter_row_that_breaks_a_rule_is_named(
    run: Run, meter: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    code, out, err = bill(run, edited(meter, old, new), contract(tmp_path))

    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith(f"{meter} ")


def test_meter_file_without_rows_is_bad_input(run: Run, meter: Path, tmp_path: Path) -> None:
    meter.write_text("start_utc,energy_kwh\n", encoding="utf-8")

    code, _, err = bill(run, meter, contract(tmp_path))

    assert (code, err) == (2, f"{meter}: row must have readings of 2026-07, was 'none'\n")


@pytest.mark.parametrize(
    ("month", "message"),
    [
        ("2022-07", "command line: --month must be a day with known prices"),
        ("2028-07", "command line: --month must lie within the known holidays"),
        ("2026-13", "command line: --month must be YYYY-MM"),
        ("July", "command line: --month must be YYYY-MM"),
        ("9999-12", "command line: --month must be YYYY-MM"),
    ],
)
def test_month_without_prices_is_bad_input(run: Run, meter: Path, tmp_path: Path, month: str, message: str) -> None:
    code, out, err = bill(run, meter, contract(tmp_path), month)

    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class": "industrial"}, "$.class must be one of"),
        ({"voltage": "HV_D"}, "$.voltage must be one of HV_A, HV_B, HV_C"),
        ({"option": "IV"}, "$.option must be one of I, II, III"),
        ({"option": 2}, "$.option must be a valid string"),
        ({"contract_kw": 0}, "$.contract_kw must be > 0 kW"),
        ({"contract_kw": -5}, "$.contract_kw must be >= 0"),
        ({"contract_kw": "300"}, "$.contract_kw must be a number"),
        ({"contract_kw": True}, "$.contract_kw must be a number"),
        ({"contract_kw": float("nan")}, "$.contract_kw must be a finite number"),
        ({"contract_kw": 1e-30}, "$.contract_kw must be >= 0 and <= 10,000,000 kW with at most 20 decimals"),
        ({"past_peaks_kw": {"2025-7": 1}}, "$.past_peaks_kw.2025-7"),
        ({"past_peaks_kw": {"2025-07": -1}}, "$.past_peaks_kw.2025-07 must be >= 0"),
        ({"past_peaks_kw": [1]}, "$.past_peaks_kw must be a valid dictionary"),
        ({"fuel_adjustment_krw_per_kwh": 1e9}, "$.fuel_adjustment_krw_per_kwh must lie within"),
        ({"power_factor": "yes"}, "$.power_factor must be a valid boolean"),
        ({"surprise": 1}, "$.surprise must be a known key"),
    ],
)
def test_contract_that_breaks_a_rule_is_named(
    run: Run, meter: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    code, out, err = bill(run, meter, contract(tmp_path, **changes))

    assert (code, out) == (2, "")
    assert f"{tmp_path / 'contract.json'}: {message}" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "must be JSON"), ("[]", "$ "), ('{"class": "a", "class": "b"}', "must be given once"), ("3", "$ ")],
)
def test_contract_that_is_no_object_is_named(run: Run, meter: Path, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "contract.json"
    file.write_text(text, encoding="utf-8")

    code, out, err = bill(run, meter, file)

    assert (code, out) == (2, "")
    assert f"{file}: " in err
    assert message in err


def test_reactive_columns_move_the_base_charge(run: Run, meter: Path, tmp_path: Path) -> None:
    header, *rows = meter.read_text(encoding="utf-8").splitlines()
    meter.write_text("\n".join([f"{header},lag_kvarh,lead_kvarh", *(f"{row},7.5,0" for row in rows)]), encoding="utf-8")

    _, out, _ = bill(run, meter, contract(tmp_path, power_factor=True))

    # 10 / sqrt(10^2 + 7.5^2) = 10 / 12.5 = 80 %: 12 points below 92, 2.4 % of 794,560 = 19,069.44.
    assert json.loads(out)["power_factor_krw"] == 19_069


def test_flat_example_file_can_be_billed(run: Run, meter: Path, tmp_path: Path) -> None:
    agreed = tmp_path / "flat.json"
    agreed.write_text('{"class": "flat", "voltage": "low", "contract_kw": 20}', encoding="utf-8")

    code, out, _ = run(
        "tariff",
        "bill",
        meter,
        "--contract",
        agreed,
        "--month",
        "2026-07",
        "--tariff",
        INFRA / "tariffs" / "example_flat.yaml",
    )

    # 29,760 kWh at 150.25 and 20 kW at 1,000.
    found = json.loads(out)
    assert (code, found["energy_kwh"]["flat"], found["subtotal_krw"]) == (0, 29_760, 4_491_440)


def test_prices_of_a_year_without_a_known_tariff_are_said_to_go_on(run: Run, meter: Path, tmp_path: Path) -> None:
    next_year = meter.read_text(encoding="utf-8").replace("2026-0", "2027-0")
    meter.write_text(next_year, encoding="utf-8")

    _, out, _ = bill(run, meter, contract(tmp_path), month="2027-07")
    said = {start: run(*QUOTE, start)[2] for start in ("2026-12-31T23:45", "2027-01-01T00:00")}

    # The tariff file was gathered in November 2026.
    assert any(
        note.startswith("prices_go_on: no tariff after 2026-12-31 is known") for note in json.loads(out)["notes"]
    )
    assert said["2026-12-31T23:45"] == ""
    assert "after 2026-12-31, and no later tariff is known: eul_2026-04-16, gathered on" in said["2027-01-01T00:00"]
