"""How often the code says the same thing again, and that it becomes less."""

from pathlib import Path

import pytest

from shared.paths import ROOT
from tests.architecture.shape import AT_MOST, counted

SAMPLE = """
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

import sqlalchemy as sa


@dataclass
class Bid:
    side: str
    price_jeon: int
    quantity_wh: int


@dataclass
class Half:
    side: str
    price_jeon: int


class View(TypedDict):
    side: str
    price_krw_per_kwh: str
    quantity_kwh: str


ORDER = sa.Table("book", METADATA, *columns("side"), *columns("price_jeon", "quantity_wh"))


@dataclass
class Rules:
    gate_closure_lead_s: int
    price_jeon_per_kwh_max: int
    quantity_wh_max: int


EXCERPT = {"gate_closure_lead_s": 1, "price_krw_per_kwh_max": "1", "order_quantity_kwh_max": "1"}
WHOLE = {**EXCERPT, "gate_closure_lead_s": 1, "price_krw_per_kwh_max": "1", "quantity_kwh_max": "1", "tick_krw": "1"}


def copies(bid: Bid, names: list[str]) -> Any:
    row = asdict(bid)
    row = {name: getattr(bid, name) for name in names}
    row = list(Bid.__dataclass_fields__)
    Bid(**{name: row[name] for name in names})
    return Bid.model_validate(dict(row)) or Bid.model_validate({**row, "side": "buy"})


HANDLERS = {}
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    for package in ("cli", "optimizers", "shared", "services/trading_api"):
        (tmp_path / package).mkdir(parents=True)
    (tmp_path / "services/trading_api/one.py").write_text(SAMPLE)
    (tmp_path / "shared/other.py").write_text("class Bid:\n    pass\n\n\nclass Settings:\n    pass\n")
    (tmp_path / "cli/settings.py").write_text("class Settings:\n    pass\n")
    return tmp_path


def test_each_kind_is_counted_by_its_syntax(sample: Path) -> None:
    found = {name: sorted(place.what for place in places) for name, places in counted(sample).items()}

    assert found == {
        "shapes of an order": ["Bid", "View", "a table"],
        "shapes of a calendar": ["Rules", "a dict"],
        "untyped copies": [
            "**{name: ...}",
            "__dataclass_fields__",
            "asdict",
            "getattr over names",
            "model_validate of a dict made of others",
            "model_validate of a dict made of others",
        ],
        "class names defined more than once": ["Bid, shared/other.py:1"],
        "ways to bind a handler": ["a constant HANDLERS"],
        "Any in trading_api": ["Any", "Any"],
    }


def test_no_figure_is_above_its_target() -> None:
    found = {name: len(places) for name, places in counted(ROOT).items()}

    above = {name: count for name, count in found.items() if count > AT_MOST[name]}
    assert above == {}, "`make shape OPTIONS=--list` says where"
