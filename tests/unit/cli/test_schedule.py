"""`sandan schedule` from file to stdout, in this process and once as a program of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app_with
from shared.errors import BadInput

CASE: dict[str, Any] = {
    "step_minutes": 60,
    "load_kw": [100, 100],
    "pv_kw": [0, 0],
    "price_buy_krw_per_kwh": [100, 300],
    "price_sell_krw_per_kwh": 0,
    "demand_charge_krw_per_kw": 0,
    "prior_peak_kw": 0,
    "battery": {
        "capacity_kwh": 100,
        "max_charge_kw": 50,
        "max_discharge_kw": 50,
        "charge_efficiency": 1.0,
        "discharge_efficiency": 1,
        "soc_min": 0,
        "soc_max": 1,
        "soc_initial": 0,
        "soc_final_min": 0,
        "cycle_cost_krw_per_kwh": 0,
    },
    "import_limit_kw": None,
    "export_limit_kw": None,
}
FIELDS = {
    "status",
    "cost_krw",
    "cost_without_battery_krw",
    "charge_kw",
    "discharge_kw",
    "curtail_kw",
    "import_kw",
    "export_kw",
    "soc_kwh",
    "peak_kw",
    "peak_without_battery_kw",
    "peak_value_krw_per_kw",
    "energy_value_krw_per_kwh",
    "reasons",
    "violations",
    "solve",
}


def with_changes(**changes: object) -> str:
    return json.dumps(CASE | changes)


def with_battery(**changes: object) -> str:
    return json.dumps(CASE | {"battery": CASE["battery"] | changes})


def without(name: str) -> str:
    return json.dumps({field: value for field, value in CASE.items() if field != name})


def run(folder: Path, text: str, *options: str) -> Result:
    path = folder / "case.json"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(app_with("schedule"), ["schedule", str(path), *options])


def test_answer_is_one_json_object_on_stdout(tmp_path: Path) -> None:
    # As by hand: 50 kWh moved from the hour at 300 to the one at 100: 150*100 + 50*300.
    result = run(tmp_path, json.dumps(CASE))

    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert set(answer) == FIELDS
    assert answer["cost_krw"] == 30_000.0
    assert answer["charge_kw"] == [50.0, 0.0]
    assert set(answer["solve"]) == {"method", "seconds_build", "seconds_solve", "gap", "violation_gap"}
    assert "-0.0" not in result.stdout


def test_program_keeps_stdout_for_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    # Selling above buying needs binaries, so both kinds of solver run.
    path.write_text(with_changes(price_sell_krw_per_kwh=400), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", "schedule", str(path)],
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "optimal"


def test_answer_is_written_to_a_file_too(tmp_path: Path) -> None:
    out = tmp_path / "schedule.json"

    result = run(tmp_path, json.dumps(CASE), "--out", str(out), "--pretty")

    assert json.loads(out.read_text(encoding="utf-8")) == json.loads(result.stdout)
    assert result.stdout.startswith('{\n  "status"')


@pytest.mark.parametrize(("name", "begins"), [("day.png", b"\x89PNG"), ("day.svg", b"<?xml")])
@pytest.mark.parametrize("battery", [None, CASE["battery"]])
def test_plot_is_an_image(tmp_path: Path, name: str, begins: bytes, battery: object) -> None:
    plot = tmp_path / name

    result = run(tmp_path, with_changes(battery=battery, import_limit_kw=500), "--plot", str(plot))

    assert result.exit_code == 0
    assert plot.read_bytes().startswith(begins)


def test_limit_that_gives_way_is_exit_1_and_named(tmp_path: Path) -> None:
    # 100 kW over a limit of 30 with 50 from... an empty battery: 70 over in the first step.
    result = run(tmp_path, with_changes(import_limit_kw=30, load_kw=[100], pv_kw=[0], price_buy_krw_per_kwh=100))

    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["status"] == "relaxed"
    assert answer["violations"] == [{"limit": "import_limit_kw", "step": 0, "excess": 70.0, "unit": "kW"}]
    assert "import_limit_kw gave way in step 0 by 70 kW" in result.stderr


def test_absent_limits_and_options_take_their_defaults(tmp_path: Path) -> None:
    fields = {name: value for name, value in CASE.items() if not name.endswith("limit_kw")}

    assert run(tmp_path, json.dumps(fields)).exit_code == 0


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        (with_changes(load_kw=[]), "$.load_kw", "at least one step"),
        (with_changes(pv_kw=[0]), "$.pv_kw", "as many steps as load_kw (2)"),
        (with_changes(price_buy_krw_per_kwh=[1, 2, 3]), "$.price_buy_krw_per_kwh", "as many steps as load_kw (2)"),
        (with_changes(price_sell_krw_per_kwh=[1]), "$.price_sell_krw_per_kwh", "as many steps as load_kw (2)"),
        (with_changes(load_kw=[100, float("nan")]), "$.load_kw[1]", "finite"),
        (with_changes(price_buy_krw_per_kwh=float("inf")), "$.price_buy_krw_per_kwh", "finite"),
        (with_changes(price_sell_krw_per_kwh=float("-inf")), "$.price_sell_krw_per_kwh", "finite"),
        (with_changes(prior_peak_kw=10**400), "$.prior_peak_kw", "at most 40 digits"),
        (with_changes(import_limit_kw=float("inf")), "$.import_limit_kw", "finite"),
        (with_changes(load_kw=[100, -1]), "$.load_kw[1]", ">= 0"),
        (with_changes(pv_kw=[-1, 0]), "$.pv_kw[0]", ">= 0"),
        (with_changes(load_kw=[100, True]), "$.load_kw[1]", "number"),
        (with_changes(load_kw=[100, "5"]), "$.load_kw[1]", "number"),
        (with_changes(load_kw=[100, None]), "$.load_kw[1]", "number"),
        (with_changes(load_kw=100), "$.load_kw", "array"),
        (with_changes(price_buy_krw_per_kwh=True), "$.price_buy_krw_per_kwh", "number or an array"),
        (with_changes(step_minutes=0), "$.step_minutes", "> 0"),
        (with_changes(step_minutes="15"), "$.step_minutes", "number"),
        (with_changes(step_minutes=10), "$.demand_window_minutes", "multiple of step_minutes (10"),
        (with_changes(demand_window_minutes=-15), "$.demand_window_minutes", "> 0"),
        (with_changes(demand_charge_krw_per_kw=-1), "$.demand_charge_krw_per_kw", ">= 0"),
        (with_changes(prior_peak_kw=-1), "$.prior_peak_kw", ">= 0"),
        (with_changes(import_limit_kw=-1), "$.import_limit_kw", ">= 0"),
        (with_changes(export_limit_kw=False), "$.export_limit_kw", "number"),
        (with_changes(pv_curtailable=1), "$.pv_curtailable", "true or false"),
        (with_changes(pv_curtailable=None), "$.pv_curtailable", "true or false"),
        (with_changes(demand_counts=[True]), "$.demand_counts", "as many steps as load_kw (2)"),
        (with_changes(demand_counts=[True, 1]), "$.demand_counts[1]", "true or false"),
        (with_changes(demand_counts=True), "$.demand_counts", "array of true and false"),
        (with_changes(colour="red"), "$.colour", "must be one of"),
        (with_changes(battery=[]), "$.battery", "object"),
        (without("battery"), "$.battery", "must be given"),
        (without("prior_peak_kw"), "$.prior_peak_kw", "must be given"),
        (with_battery(colour="red"), "$.battery.colour", "must be one of"),
        (with_battery(charge_efficiency=0), "$.battery.charge_efficiency", "> 0 and <= 1"),
        (with_battery(discharge_efficiency=1.01), "$.battery.discharge_efficiency", "> 0 and <= 1"),
        (with_battery(discharge_efficiency=float("nan")), "$.battery.discharge_efficiency", "finite"),
        (with_battery(soc_min=0.8, soc_max=0.2), "$.battery.soc_min", "<= soc_max (0.2)"),
        (with_battery(soc_initial=1.5), "$.battery.soc_initial", "<= 1"),
        (with_battery(soc_final_min=-0.1), "$.battery.soc_final_min", ">= 0"),
        (with_battery(soc_max=80), "$.battery.soc_max", "<= 1"),
        (with_battery(capacity_kwh=-1), "$.battery.capacity_kwh", ">= 0"),
        (with_battery(max_charge_kw=-1), "$.battery.max_charge_kw", ">= 0"),
        (with_battery(cycle_cost_krw_per_kwh=-1), "$.battery.cycle_cost_krw_per_kwh", ">= 0"),
        (with_battery(capacity_kwh="100"), "$.battery.capacity_kwh", "number"),
        ("[]", "$", "object"),
        ("{", "line 1 column 2", "JSON"),
        ('{"load_kw": [1], "load_kw": [2]}', "$.load_kw", "given once"),
        ("[" * 100_000, "$", "object"),
        ("9" * 5_000, "$", "at most 40 digits"),
    ],
)
def test_bad_case_is_named_by_path_and_rule_and_writes_nothing(
    tmp_path: Path, text: str, place: str, rule: str
) -> None:
    out = tmp_path / "schedule.json"

    result = run(tmp_path, text, "--out", str(out))

    assert isinstance(result.exception, BadInput)
    assert str(result.exception).startswith(f"{tmp_path / 'case.json'}: {place} ")
    assert rule in str(result.exception)
    assert result.stdout == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--plot", "day.pdf"], "--plot"),
        (["--out", "same.png", "--plot", "same.png"], "--plot"),
        (["--out", "no/such/folder/schedule.json"], "file"),
    ],
)
def test_bad_file_option_is_refused(tmp_path: Path, options: list[str], field: str) -> None:
    paths = [option if option.startswith("--") else str(tmp_path / option) for option in options]

    result = run(tmp_path, json.dumps(CASE), *paths)

    assert isinstance(result.exception, BadInput)
    assert result.exception.field == field
    assert result.stdout == ""


def test_case_file_is_not_overwritten_by_its_answer(tmp_path: Path) -> None:
    result = run(tmp_path, json.dumps(CASE), "--out", str(tmp_path / "case.json"))

    assert isinstance(result.exception, BadInput)
    assert json.loads((tmp_path / "case.json").read_text(encoding="utf-8")) == CASE


def test_program_says_bad_input_in_one_line_and_exits_2(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(with_battery(charge_efficiency=0), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", "schedule", str(path)],
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{path}: $.battery.charge_efficiency must be > 0 and <= 1, was 0.0\n"
