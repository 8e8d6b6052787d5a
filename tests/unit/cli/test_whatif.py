"""`sandan whatif` from file to folder: the planner's own figures, their sums, and what is refused."""

import csv
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from cli.main import app_with
from cli.prepare import write_history
from cli.whatif_files import COLUMNS, read_study
from services.planner.domain.evaluation import evaluate
from services.planner.domain.scenarios import Scenario
from services.planner.handlers.days import site_days
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.errors import BadInput, BadInputs
from shared.intervals import DAY, day_start, trading_day_of
from shared.metering.history import read_history
from shared.paths import DEMO_COMPLEX, INFRA, ROOT

TUESDAY, WEDNESDAY = date(2026, 5, 19), date(2026, 5, 20)
# One with roof and battery, one with neither.
FACTORIES = ("hanbit-machining", "daesung-casting")
STUDY: dict[str, Any] = {
    "complex": "complex.yaml",
    "history": "history.csv",
    "days": ["2026-05-19", "2026-05-20"],
    "battery_scales": [0, 1],
    "tariff_options": ["as-is", "II"],
}
FILES = ["results.csv", "summary.json", "summary.png"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a complex of two factories and its meters' four weeks until the end of Wednesday."""
    made = tmp_path_factory.mktemp("planner")
    described = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    described["participants"] = [one for one in described["participants"] if one["participant_id"] in FACTORIES]
    path = made / "complex.yaml"
    path.write_text(yaml.safe_dump(described, allow_unicode=True), encoding="utf-8")
    write_history(made / "history.csv", [load_complex(path)], until=day_start(WEDNESDAY) + DAY)
    return made


@pytest.fixture(scope="module")
def ran(folder: Path) -> Result:
    return run(folder, STUDY, folder / "out")


def run(folder: Path, study: object, out: Path, *more: str) -> Result:
    path = folder / "study.yaml"
    path.write_text(study if isinstance(study, str) else yaml.safe_dump(study), encoding="utf-8")
    return CliRunner().invoke(app_with("whatif"), ["whatif", "run", str(path), "--out", str(out), *more])


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(app_with("whatif"), ["whatif", "compare", *map(str, arguments)])


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_run_writes_a_row_a_day_factory_and_combination(ran: Result, folder: Path) -> None:
    assert ran.exit_code == 0, ran.output
    assert sorted(path.name for path in (folder / "out").iterdir()) == FILES
    rows = rows_of(folder / "out")
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * 2 * 4
    assert (folder / "out" / "summary.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("ran")
def test_rows_are_what_the_planner_says_of_the_same_day(folder: Path) -> None:
    complex_ = load_complex(folder / "complex.yaml")
    readings = read_history(folder / "history.csv", Complexes(complex_))
    of_day = [one for one in readings if trading_day_of(one.delivery_start) == WEDNESDAY]
    scenarios = [Scenario(scale, 1.0, option) for scale in (0.0, 1.0) for option in ("as-is", "II")]
    expected = {
        (site.participant_id, str(scenario.battery_scale), scenario.tariff_option): outcome
        for site in site_days(of_day, complex_, WEDNESDAY, scenarios)
        for scenario, outcome in zip(scenarios, evaluate(site, scenarios), strict=True)
    }

    found = [row for row in rows_of(folder / "out") if row["trading_day"] == "2026-05-20"]

    assert len(found) == len(expected) == 8
    for row in found:
        outcome = expected[row["participant_id"], row["battery_scale"], row["tariff_option"]]
        assert int(row["cost_krw"]) == outcome.cost_krw
        assert row["grid_import_kwh"] == f"{outcome.grid_import_wh / 1000:.3f}"
        assert row["grid_export_kwh"] == f"{outcome.grid_export_wh / 1000:.3f}"


@pytest.mark.usefixtures("ran")
def test_a_battery_and_another_option_change_what_they_can(folder: Path) -> None:
    costs = {
        (row["participant_id"], row["battery_scale"], row["tariff_option"]): int(row["cost_krw"])
        for row in rows_of(folder / "out")
        if row["trading_day"] == "2026-05-20"
    }

    # hanbit has a battery, and option II already; daesung has no battery, and option III.
    assert costs["hanbit-machining", "1.0", "as-is"] < costs["hanbit-machining", "0.0", "as-is"]
    assert costs["hanbit-machining", "1.0", "II"] == costs["hanbit-machining", "1.0", "as-is"]
    assert costs["daesung-casting", "1.0", "as-is"] == costs["daesung-casting", "0.0", "as-is"]
    assert costs["daesung-casting", "0.0", "II"] != costs["daesung-casting", "0.0", "as-is"]


def test_summary_is_printed_and_its_sums_are_those_of_the_rows(ran: Result, folder: Path) -> None:
    printed = json.loads(ran.stdout)

    assert printed == json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    assert printed["study"]["days"] == ["2026-05-19", "2026-05-20"]
    assert printed["participants"] == list(FACTORIES)
    assert printed["synthetic"] is False
    assert len(printed["sums"]) == 4
    for sums in printed["sums"]:
        rows = [
            row
            for row in rows_of(folder / "out")
            if (float(row["battery_scale"]), row["tariff_option"]) == (sums["battery_scale"], sums["tariff_option"])
        ]
        assert len(rows) == 4
        assert sums["cost_krw"] == sum(int(row["cost_krw"]) for row in rows)
        # To the Wh, as sums of decimal strings would otherwise be floats.
        assert wh(sums["grid_import_kwh"]) == sum(wh(row["grid_import_kwh"]) for row in rows)
        assert wh(sums["grid_export_kwh"]) == sum(wh(row["grid_export_kwh"]) for row in rows)


def wh(text: str) -> int:
    return int(text.replace(".", ""))


@pytest.mark.usefixtures("ran")
def test_without_history_the_meters_are_simulated_and_the_answer_says_so(folder: Path) -> None:
    result = run(folder, {**STUDY, "history": None}, folder / "simulated")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["synthetic"] is True
    assert "simulated meters" in result.stderr
    # The history was simulated too, by the same field.
    assert rows_of(folder / "simulated") == rows_of(folder / "out")


def test_what_is_not_modelled_is_said_first(ran: Result, folder: Path) -> None:
    kept = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))

    assert next(iter(kept)) == "not_modelled"
    assert {"feeder_limits", "local_trades"} < {one["code"] for one in kept["not_modelled"]}
    lines = ran.stderr.splitlines()
    for line, one in zip(lines, kept["not_modelled"], strict=False):
        assert line == f"{folder / 'study.yaml'}: NOT MODELLED: {one['en']} / {one['ko']}"
    # The price for surplus that the demo's complex names is assumed since February 2026.
    assert [one["code"] for one in kept["warnings"]] == ["surplus_price_assumed"]
    assert any("WARNING: surplus price from 2026-02-01: unknown, 100 is used" in line for line in lines)


def test_limit_of_a_feeder_that_the_answer_breaks_is_said_by_day_and_combination(
    folder: Path, tmp_path: Path, ran: Result
) -> None:
    assert ran.exit_code == 0
    described = yaml.safe_load((folder / "complex.yaml").read_text(encoding="utf-8"))
    for feeder in described["feeders"]:
        feeder["import_limit_kw"] = 1 if feeder["feeder_id"] == described["participants"][1]["feeder_id"] else 10_000
        feeder["export_limit_kw"] = None
    (folder / "tight.yaml").write_text(yaml.safe_dump(described, allow_unicode=True), encoding="utf-8")

    result = run(folder, {**STUDY, "complex": "tight.yaml", "tariff_options": ["as-is"]}, tmp_path / "out")

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    none, _ = answer["sums"]
    # Both factories are on that feeder, and draw more than 1 kW at night.
    assert [(one["trading_day"], one["direction"], one["limit_kw"]) for one in none["feeder_limits_broken"]] == [
        ("2026-05-19", "import", "1.000"),
        ("2026-05-20", "import", "1.000"),
    ]
    warned = [one for one in answer["warnings"] if one["code"] == "feeder_limit_broken"]
    assert len(warned) == 4
    assert (
        "battery x0, solar x1, as-is: breaks a feeder's limit, which nothing here bounds: 2026-05-19" in result.stderr
    )
    assert tuple(rows_of(tmp_path / "out")[0]) == COLUMNS


def test_surplus_earns_what_the_complex_says(
    folder: Path, tmp_path: Path, ran: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran.exit_code == 0
    prices = tmp_path / "tariffs" / "half_price.yaml"
    prices.parent.mkdir()
    described = yaml.safe_load((INFRA / "tariffs" / "sell_back.yaml").read_text(encoding="utf-8"))
    described |= {"id": "half_price", "sources": {}}
    figure: dict[str, Any] = {"from": date(2026, 1, 1), "to": None, "value": 50, "sources": [], "confidence": "low"}
    described["price_krw_per_kwh"] = [figure]
    prices.write_text(yaml.safe_dump(described, allow_unicode=True), encoding="utf-8")
    complex_file = (folder / "complex.yaml").read_text(encoding="utf-8")
    (folder / "own_price.yaml").write_text(
        complex_file.replace("sell_back: sell_back", "sell_back: half_price"), encoding="utf-8"
    )
    (tmp_path / "holidays").symlink_to(INFRA / "holidays")
    (tmp_path / "tariffs" / "kepco_industrial.yaml").symlink_to(INFRA / "tariffs" / "kepco_industrial.yaml")
    monkeypatch.setattr("shared.reference.load.INFRA", tmp_path)
    asked = {**STUDY, "complex": "own_price.yaml", "battery_scales": [0], "tariff_options": ["as-is"]}

    result = run(folder, asked, tmp_path / "out")

    assert result.exit_code == 0, result.output
    [answer] = json.loads(result.stdout)["sums"]
    [before] = [
        one for one in json.loads(ran.stdout)["sums"] if (one["battery_scale"], one["tariff_option"]) == (0.0, "as-is")
    ]
    # Without batteries the same energy is left over; each kWh of it earns 50 KRW in place of 100, and days are rounded.
    left_over_kwh = wh(answer["grid_export_kwh"]) / 1_000
    assert answer["grid_export_kwh"] == before["grid_export_kwh"]
    assert answer["cost_krw"] - before["cost_krw"] == pytest.approx(50 * left_over_kwh, abs=4)
    assert left_over_kwh > 0


def test_price_file_that_the_complex_names_must_be_there(folder: Path, tmp_path: Path) -> None:
    complex_file = (folder / "complex.yaml").read_text(encoding="utf-8")
    (folder / "no_price.yaml").write_text(
        complex_file.replace("sell_back: sell_back", "sell_back: my_own_price"), encoding="utf-8"
    )

    result = run(folder, {**STUDY, "complex": "no_price.yaml"}, tmp_path / "out")

    assert "file must be readable" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (
            "2027-01-06",
            "date must be a day with known prices: eul_2026-04-16 is known until 2026-12-31 (gathered 2026-11-23)",
        ),
        ("2028-01-05", "date must lie within the known holidays, 2023-11-01 to 2027-12-31"),
    ],
)
def test_day_whose_prices_nobody_knows_is_refused(day: str, reason: str, folder: Path, tmp_path: Path) -> None:
    result = run(folder, {**STUDY, "history": None, "days": [day]}, tmp_path / "out")

    assert isinstance(result.exception, BadInput)
    assert f"study.yaml $.days {day}: {reason}" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("ran")
def test_same_study_again_comes_out_the_same(folder: Path) -> None:
    before = [(folder / "out" / name).read_bytes() for name in FILES[:2]]

    result = run(folder, STUDY, folder / "out")

    assert result.exit_code == 0, result.output
    assert [(folder / "out" / name).read_bytes() for name in FILES[:2]] == before


def test_days_may_be_given_by_their_ends(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("days: {from: 2026-05-30, to: 2026-06-01}", encoding="utf-8")

    days = read_study(path).asked.days

    assert days == (date(2026, 5, 30), date(2026, 5, 31), date(2026, 6, 1))


@pytest.mark.parametrize(
    ("study", "reason"),
    [
        ("days: [", "study.yaml: file must be YAML"),
        ("days: [2026-05-20]\ndays: [2026-05-19]", "is repeated"),
        ({"battery_scales": [1]}, "$.days must be given"),
        ({**STUDY, "batteries": [1]}, "$.batteries must be a known key, was [1]"),
        ({**STUDY, "days": []}, "$.days"),
        ({**STUDY, "days": ["2026-05-20", "2026-05-20"]}, "$.days must name each once"),
        ({**STUDY, "days": {"from": date(2026, 5, 1), "to": date(2026, 6, 1)}}, "by less than 31 days"),
        ({**STUDY, "days": {"from": date(2026, 5, 2)}}, "$.days must be a list of days, or `from` and `to`"),
        ({**STUDY, "battery_scales": [0, 101]}, "$.battery_scales[1] must be less than or equal to 100, was 101"),
        ({**STUDY, "pv_scales": [1, 1.0]}, "$.pv_scales must name each once"),
        ({**STUDY, "tariff_options": ["II/III"]}, "$.tariff_options[0]"),
        (
            {**STUDY, "battery_scales": [*range(10)], "pv_scales": [*range(10)], "tariff_options": ["I", "II", "III"]},
            "$ combinations must be at most 200 in number, were 300",
        ),
        ({**STUDY, "complex": "nowhere.yaml"}, "nowhere.yaml: complex file must be readable"),
        ({**STUDY, "history": "nowhere.csv"}, "nowhere.csv: file must be readable"),
        (
            {**STUDY, "days": ["2026-05-20", "2026-05-21"]},
            "hanbit-machining.grid must be metered in all 96 intervals of 2026-05-21, was 0",
        ),
        ({**STUDY, "tariff_options": ["IX"]}, "option must be one of I, II, III, was 'IX'"),
    ],
)
def test_bad_study_is_refused_by_name_and_nothing_is_written(
    study: object, reason: str, folder: Path, tmp_path: Path
) -> None:
    result = run(folder, study, tmp_path / "out")

    assert isinstance(result.exception, BadInput | BadInputs)
    assert reason in str(result.exception)
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_day_that_lacks_one_interval_is_refused_with_its_meter(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "history.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    lost = next(line for line in lines if "daesung-casting.grid" in line and "2026-05-20T03:00" in line)
    (folder / "gap.csv").write_text("".join(line for line in lines if line != lost), encoding="utf-8")

    result = run(folder, {**STUDY, "history": "gap.csv"}, tmp_path / "out")

    assert str(result.exception) == (
        f"{folder / 'study.yaml'} $.days 2026-05-20: trading_day: daesung-casting.grid "
        "must be metered in all 96 intervals of 2026-05-20, was 95"
    )


def test_scheduler_must_be_an_address(folder: Path, tmp_path: Path) -> None:
    result = run(folder, STUDY, tmp_path / "out", "--scheduler", "somewhere:1")

    assert str(result.exception) == (
        "command line: --scheduler must be tcp://host:port or tls://host:port, was 'somewhere:1'"
    )


def test_folder_of_something_else_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear all", encoding="utf-8")

    result = run(folder, STUDY, tmp_path)

    assert isinstance(result.exception, BadInput)
    assert "--out must be a new or empty folder, or that of the same study" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.usefixtures("ran")
def test_folder_of_another_study_is_left_alone(folder: Path) -> None:
    before = (folder / "out" / "summary.json").read_bytes()

    result = run(folder, {**STUDY, "days": ["2026-05-19"]}, folder / "out")

    assert "it holds another study" in str(result.exception)
    assert (folder / "out" / "summary.json").read_bytes() == before


def test_program_ends_with_2_for_bad_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "whatif", "run", "nowhere.yaml", "--out", str(tmp_path / "out")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == "nowhere.yaml: file must be readable, was 'No such file or directory'\n"
