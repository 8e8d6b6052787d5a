"""`sandan whatif compare`: what differs between studies, and which can't be compared."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app_with
from cli.whatif_files import StudyFile, Summary
from shared.errors import BadInput, BadInputs

TUESDAY, WEDNESDAY = date(2026, 5, 19), date(2026, 5, 20)


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(app_with("whatif"), ["whatif", "compare", *map(str, arguments)])


def a_study(folder: Path, costs_krw: dict[float, int], import_kwh: str = "10.000", **other: object) -> Path:
    """Write the summary of a study of Wednesday: costs by the batteries' scale."""
    described = {
        "study": StudyFile.model_validate({"days": [WEDNESDAY], "battery_scales": list(costs_krw)}),
        "complex_id": "park",
        "complex_note": "made up",
        "synthetic": False,
        "participants": ["p"],
        "sums": [
            {
                "battery_scale": scale,
                "pv_scale": 1.0,
                "tariff_option": "as-is",
                "cost_krw": cost_krw,
                "grid_import_kwh": import_kwh,
                "grid_export_kwh": "0.500",
            }
            for scale, cost_krw in costs_krw.items()
        ],
        "notes": [],
        **other,
    }
    folder.mkdir()
    summary = Summary.model_validate(described)
    (folder / "summary.json").write_text(json.dumps(summary.as_json()), encoding="utf-8")
    return folder


def test_compare_says_how_much_higher_each_combination_is_than_in_the_first(tmp_path: Path) -> None:
    first = a_study(tmp_path / "as-built", {0.0: 1_000, 1.0: 900})
    second = a_study(tmp_path / "planned", {1.0: 850, 2.0: 800}, import_kwh="9.250")

    result = compare(first, second)

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["complex_id"], answer["days"]) == ("park", ["2026-05-20"])
    assert answer["studies"] == [str(first), str(second)]
    none, as_built, doubled = answer["rows"]
    assert [row["battery_scale"] for row in answer["rows"]] == [0.0, 1.0, 2.0]
    # The second has no combination without batteries, the first none with twice as many.
    assert none["studies"][1] is None
    assert doubled["studies"][0] is None
    assert doubled["studies"][1]["cost_krw"] == 800
    assert doubled["studies"][1]["cost_above_first_krw"] is None
    assert as_built["studies"][0]["cost_above_first_krw"] == 0
    # 850 - 900, 9.250 - 10.000, 0.500 - 0.500.
    assert as_built["studies"][1] == {
        "cost_krw": 850,
        "grid_import_kwh": "9.250",
        "grid_export_kwh": "0.500",
        "cost_above_first_krw": -50,
        "grid_import_above_first_kwh": "-0.750",
        "grid_export_above_first_kwh": "0.000",
    }


def test_compare_draws_if_asked(tmp_path: Path) -> None:
    first, second = a_study(tmp_path / "a", {1.0: 900}), a_study(tmp_path / "b", {1.0: 850})

    result = compare(first, second, "--plot", tmp_path / "both.svg")

    assert result.exit_code == 0, result.output
    assert "<svg" in (tmp_path / "both.svg").read_text(encoding="utf-8")


def test_compare_of_studies_with_nothing_in_common_exits_1(tmp_path: Path) -> None:
    first, second = a_study(tmp_path / "a", {1.0: 900}), a_study(tmp_path / "b", {2.0: 850})

    result = compare(first, second)

    assert result.exit_code == 1
    assert len(json.loads(result.stdout)["rows"]) == 2
    assert f"{second}: has no combination in common with {first}" in result.stderr


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"complex_id": "port"}, "$.complex_id must be park as in"),
        ({"study": StudyFile.model_validate({"days": [TUESDAY]})}, "$.study.days must be ['2026-05-20'] as in"),
        ({"synthetic": True}, "$.synthetic must be False as in"),
    ],
)
def test_studies_that_cannot_be_compared_are_refused(other: dict[str, Any], reason: str, tmp_path: Path) -> None:
    first, second = a_study(tmp_path / "a", {1.0: 900}), a_study(tmp_path / "b", {1.0: 850}, **other)

    result = compare(first, second, "--plot", tmp_path / "both.png")

    assert isinstance(result.exception, BadInput)
    assert str(result.exception).startswith(f"{second}/summary.json: {reason} {first}, was ")
    assert result.stdout == ""
    assert not (tmp_path / "both.png").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("a",), "STUDIES must be at least 2 in number, was 1"),
        (("a", "a"), "STUDIES must name each folder once, was 'a'"),
        (("a", "b", "--plot", "x.gif"), "--plot must end in .png or .svg"),
        (("a", "empty"), "summary.json: file must exist"),
        (("a", "letters"), "$.study must be given"),
    ],
)
def test_bad_comparison_is_refused(
    arguments: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    a_study(tmp_path / "a", {1.0: 900})
    (tmp_path / "empty").mkdir()
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "summary.json").write_text("{}", encoding="utf-8")

    result = compare(*arguments)

    assert isinstance(result.exception, BadInput | BadInputs)
    assert reason in str(result.exception)
