"""The rules of the legal modes, each asked of cases worked by hand."""

from datetime import date
from typing import Any

import pytest

from optimizers.legal.checks import Deal, Flows, Law, Trader, Verdict, check_period, law_of, refusal
from shared.complex.model import load_complex
from shared.errors import BadInputs
from shared.events.records import Side
from shared.paths import DEMO_COMPLEX
from shared.reference.legal import LegalModeName, LegalModes
from shared.reference.load import legal_modes
from shared.validation import checked

DAY = date(2026, 5, 20)
ROOF = Trader(feeder_id="F1", contract_kw=600, roof_kw=400, has_storage=False)
PLAIN = Trader(feeder_id="F1", contract_kw=300, roof_kw=0, has_storage=False)
STORAGE = Trader(feeder_id="F1", contract_kw=299.5, roof_kw=0, has_storage=True)
FAR = Trader(feeder_id="F2", contract_kw=1_000, roof_kw=0, has_storage=False)
TRADERS = {"roof": ROOF, "plain": PLAIN, "storage": STORAGE, "far": FAR}


def law(mode: LegalModeName) -> Law:
    return Law(legal_modes().modes[mode], TRADERS)


def flows(consumed_wh: int = 0, made_wh: int = 0, grid_import_wh: int = 0, grid_export_wh: int = 0) -> Flows:
    return Flows(consumed_wh=consumed_wh, made_wh=made_wh, grid_import_wh=grid_import_wh, grid_export_wh=grid_export_wh)


def spoke(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.rule.code


def by_code(verdicts: list[Verdict]) -> dict[str, list[tuple[str, bool]]]:
    found: dict[str, list[tuple[str, bool]]] = {}
    for one in verdicts:
        found.setdefault(one.rule.code, []).append((one.subject, one.holds))
    return found


@pytest.mark.parametrize("participant_id", sorted(TRADERS))
def test_in_a_demonstration_everyone_may_do_everything(participant_id: str) -> None:
    assert refusal(law("demonstration"), participant_id, Side.BUY, DAY) is None
    assert refusal(law("demonstration"), participant_id, Side.SELL, DAY) is None
    assert check_period(law("demonstration"), DAY, {"plain": flows(grid_export_wh=5)}, []) == []


@pytest.mark.parametrize(
    ("participant_id", "side", "day", "code"),
    [
        ("roof", Side.SELL, DAY, None),
        ("plain", Side.SELL, DAY, "seller_has_roof_or_storage"),
        ("storage", Side.SELL, DAY, None),
        # Before the report of 2025-04-09 only those who make power might sell.
        ("storage", Side.SELL, date(2025, 4, 8), "seller_has_roof"),
        ("storage", Side.SELL, date(2025, 4, 9), "generator_kw_above"),
        # 400 kW are not above 1,000 kW, which was asked until 2025-07-21.
        ("roof", Side.SELL, date(2025, 7, 21), "generator_kw_above"),
        ("roof", Side.SELL, date(2025, 7, 22), None),
        ("plain", Side.BUY, DAY, None),
        ("storage", Side.BUY, DAY, "customer_contract_kw_min"),
        ("storage", Side.BUY, date(2022, 8, 31), None),
    ],
)
def test_on_site_an_order_is_refused_by_the_rule_of_its_day(
    participant_id: str, side: Side, day: date, code: str | None
) -> None:
    assert spoke(refusal(law("on_site"), participant_id, side, day)) == code


def test_on_site_each_trade_that_breaks_a_rule_is_named() -> None:
    deals = [
        Deal(seller_id="roof", buyer_id="plain", quantity_wh=1_000),
        Deal(seller_id="roof", buyer_id="far", quantity_wh=2_500),
        Deal(seller_id="plain", buyer_id="storage", quantity_wh=1_000),
    ]

    verdicts = check_period(law("on_site"), DAY, {}, deals)

    assert by_code(verdicts) == {
        "seller_has_roof_or_storage": [("plain -> storage", False)],
        "customer_contract_kw_min": [("plain -> storage", False)],
        "within_feeder": [("roof -> far", False)],
    }
    [apart] = [one for one in verdicts if one.rule.code == "within_feeder"]
    assert apart.en.startswith("roof -> far: supply must not use the grid company's lines")
    assert apart.en.endswith(": 2.500 kWh")


def test_on_site_rules_that_nothing_breaks_are_said_to_hold() -> None:
    verdicts = check_period(law("on_site"), DAY, {}, [Deal(seller_id="roof", buyer_id="plain", quantity_wh=1)])

    assert by_code(verdicts) == {
        "seller_has_roof_or_storage": [("", True)],
        "customer_contract_kw_min": [("", True)],
        "within_feeder": [("", True)],
    }


@pytest.mark.parametrize(("grid_import_wh", "holds"), [(300, True), (301, False)])
def test_in_a_special_zone_seventy_percent_of_the_use_must_be_own_supply(grid_import_wh: int, *, holds: bool) -> None:
    # 1,000 Wh used by two; 700 Wh of own supply are just enough.
    measured = {"a": flows(600, 900, grid_import_wh), "b": flows(400)}

    [own, *_] = check_period(law("special_zone"), DAY, measured, [])

    assert (own.rule.code, own.holds, own.rule.draft) == ("own_supply_ratio_min", holds, True)
    assert own.en == (
        "own supply must be at least 70 % of what the customers use (draft: the figure in force may differ): "
        f"{'70.00' if holds else '69.90'}%"
    )
    assert "고시안" in own.ko


def test_in_a_special_zone_sales_to_the_grid_are_capped_for_all_and_for_each() -> None:
    # Together 300 of 1,000 Wh made: just 30 %. Of its 200 Wh b sold 101, more than half.
    measured = {"a": flows(1_000, 800, 0, 199), "b": flows(1_000, 200, 0, 101)}

    verdicts = check_period(law("special_zone"), DAY, measured, [])
    more = check_period(law("special_zone"), DAY, {**measured, "c": flows(grid_export_wh=1)}, [])

    assert by_code(verdicts) == {
        "own_supply_ratio_min": [("", True)],
        "grid_sale_ratio_max": [("", True)],
        "prosumer_grid_sale_ratio_max": [("b", False)],
    }
    # A Wh sold by who makes nothing is above every part of nothing.
    assert by_code(more)["grid_sale_ratio_max"] == [("", False)]
    assert by_code(more)["prosumer_grid_sale_ratio_max"] == [("b", False), ("c", False)]
    assert [one.en.rsplit(": ", 1)[1] for one in more if one.subject] == ["50.50%", "0.001 kWh of nothing"]


def test_the_special_zone_asks_nothing_before_its_act() -> None:
    assert check_period(law("special_zone"), date(2024, 6, 13), {"a": flows(1, 0, 1)}, []) == []


def test_the_demo_complex_is_a_demonstration_and_its_traders_are_those_of_the_file() -> None:
    found = law_of(load_complex(DEMO_COMPLEX), legal_modes())

    assert found.mode == legal_modes().modes["demonstration"]
    assert found.traders["hanbit-machining"] == Trader(
        feeder_id="F1", contract_kw=1_000, roof_kw=1_000, has_storage=True
    )


RULE = {
    "code": "within_feeder",
    "from": "2022-09-01",
    "to": None,
    "text": {"en": "e", "ko": "k"},
    "sources": ["S1"],
    "confidence": "low",
}


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([{**RULE, "figure": 1}], "within_feeder must have no figure"),
        ([{**RULE, "code": "own_supply_ratio_min"}], "own_supply_ratio_min must have a figure"),
        ([RULE, RULE], "on_site: within_feeder: the periods from 2022-09-01 and from 2022-09-01 overlap"),
        ([{**RULE, "sources": ["S9"]}], "on_site: sources must be known, not 'S9'"),
        ([{**RULE, "code": "be_nice"}], "code must be 'seller_has_roof'"),
    ],
)
def test_a_file_of_laws_that_breaks_a_rule_is_refused_by_name(rules: list[dict[str, Any]], problem: str) -> None:
    mode = {"name": {"en": "e", "ko": "k"}, "note": {"en": "e", "ko": "k"}, "rules": []}
    document = {
        "schema": "sandan-legal/1",
        "id": "x",
        "gathered": "2026-11-23",
        "sources": {"S1": {"what": "w", "where": "w", "date": None}},
        "modes": {"demonstration": mode, "special_zone": mode, "on_site": {**mode, "rules": rules}},
    }

    with pytest.raises(BadInputs) as caught:
        checked(LegalModes, document, where="laws.yaml")

    assert problem in str(caught.value.problems[0])
