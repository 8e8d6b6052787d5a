"""`sandan legal check` over what settlement left behind."""

import json
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app_with
from shared.errors import BadInput
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.paths import DEMO_COMPLEX
from tests.component.settlement.settlement_facts import (
    BUYER,
    COMPLEX_ID,
    DELIVERY,
    FLOWS_WH,
    SELLER,
    a_bench,
    an_auction,
    readings,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a deployment in which the seller's roof made 40 kWh: 20 were sold to the buyer, 5 to the grid."""
    roof = IntervalMetered(
        complex_id=COMPLEX_ID,
        meter_id="hanbit-roof",
        participant_id=SELLER,
        meter_kind=MeterKind.PV,
        delivery_start=DELIVERY,
        import_wh=0,
        export_wh=40_000,
        quality=Quality.MEASURED,
    )
    with closing(a_bench(f"sqlite:///{tmp_path / 'data'}")) as bench:
        bench.give(roof, an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH))
    return tmp_path


def check(folder: Path, legal_mode: str, period: str = "2026-05-20") -> tuple[int, dict[str, Any]]:
    content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    (folder / "complex.yaml").write_text(yaml.safe_dump({**content, "legal_mode": legal_mode}), encoding="utf-8")
    ran = CliRunner().invoke(app_with("legal"), ["legal", "check", period, "--folder", str(folder)])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran.exit_code, json.loads(ran.stdout)


def test_a_demonstration_is_lawful_and_says_what_it_is(folder: Path) -> None:
    code, answer = check(folder, "demonstration")

    assert (code, answer["lawful"], answer["verdicts"], answer["intervals_settled"]) == (0, True, [], 1)
    assert answer["name"]["ko"] == "규제샌드박스 실증"


@pytest.mark.parametrize("period", ["2026-05-20", "2026-05"])
def test_a_special_zone_is_told_its_ratios_with_source_and_draft(folder: Path, period: str) -> None:
    code, answer = check(folder, "special_zone", period)

    # Used: the buyer's 30 kWh, and at the seller 40 - 4 into the battery - 25 fed in = 11. The grid gave 10 kWh: 31 of
    # 41 are own supply. It took 5 of 40 kWh.
    own, sale, prosumer = answer["verdicts"]
    assert (code, answer["lawful"]) == (0, True)
    assert own["en"].endswith(f": {31 / 41:.2%}")
    assert sale["en"].endswith(": 12.50%")
    assert (own["draft"], own["figure"], own["confidence"]) == (True, "0.70", "medium")
    assert own["sources"][0]["date"] == date(2024, 9, 5).isoformat()
    assert (prosumer["holds"], prosumer["subject"]) == (True, "")


def test_on_site_a_trade_between_feeders_is_named_and_the_exit_code_is_1(folder: Path) -> None:
    code, answer = check(folder, "on_site")

    broken = [(one["code"], one["subject"]) for one in answer["verdicts"] if not one["holds"]]
    assert (code, answer["lawful"]) == (1, False)
    assert broken == [("within_feeder", f"{SELLER} -> {BUYER}")]


@pytest.mark.parametrize("period", ["May", "2026-13", "2026-05-32"])
def test_a_period_that_is_none_is_refused_by_name(folder: Path, period: str) -> None:
    with pytest.raises(BadInput, match="PERIOD must be a day or a month"):
        check(folder, "on_site", period)


@pytest.mark.parametrize("legal_mode", ["demonstration", "special_zone"])
def test_where_nothing_was_settled_nothing_is_called_lawful(folder: Path, legal_mode: str) -> None:
    code, answer = check(folder, legal_mode, "2026-06")

    assert (code, answer["lawful"], answer["verdicts"], answer["intervals_settled"]) == (1, None, [], 0)
