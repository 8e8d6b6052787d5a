from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from shared.db.records import RecordColumns
from shared.events.settlement import ReadingIgnored


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A record of two facts and one that came later."""

    meter_id: str
    import_wh: int
    loss_wh: int = 0


def a_table(*names: str) -> sa.Table:
    return sa.Table("flow", sa.MetaData(), *(sa.Column(name, sa.BigInteger) for name in names))


def test_a_record_goes_into_a_row_and_comes_back() -> None:
    kept = RecordColumns(a_table("complex_id", "meter_id", "import_wh", "loss_wh"), Flow, beside="complex_id")
    flow = Flow(meter_id="m1", import_wh=5, loss_wh=1)

    row = kept.row(flow, complex_id="c1")

    assert row == {"complex_id": "c1", "meter_id": "m1", "import_wh": 5, "loss_wh": 1}
    assert kept.record(row) == flow
    assert [column.name for column in kept.columns] == ["meter_id", "import_wh", "loss_wh"]


@pytest.mark.parametrize(
    ("columns", "odd"),
    [
        (("complex_id", "meter_id", "import_wh"), "loss_wh"),
        (("complex_id", "meter_id", "import_wh", "loss_wh", "stored_wh"), "stored_wh"),
        (("meter_id", "import_wh", "loss_wh"), "complex_id"),
    ],
)
def test_a_table_that_differs_from_its_record_is_refused_when_it_is_made(columns: tuple[str, ...], odd: str) -> None:
    with pytest.raises(ValueError, match=f"flow and Flow must agree, differ in \\['{odd}'\\]"):
        RecordColumns(a_table(*columns), Flow, beside="complex_id")


def test_a_field_is_left_out_only_where_that_is_said() -> None:
    kept = RecordColumns(a_table("meter_id", "import_wh"), Flow, beside="", left_out="loss_wh")

    assert kept.row(Flow(meter_id="m1", import_wh=5, loss_wh=1)) == {"meter_id": "m1", "import_wh": 5}
    assert kept.record({"meter_id": "m1", "import_wh": 5}) == Flow(meter_id="m1", import_wh=5)


def test_an_event_goes_into_a_row_as_a_record_does() -> None:
    table = a_table("complex_id", "meter_id", "delivery_start", "reason", "event_id")
    noon = datetime(2026, 5, 20, 3, tzinfo=UTC)
    ignored = ReadingIgnored(complex_id="c1", meter_id="m1", delivery_start=noon, reason="a guess")

    row = RecordColumns(table, ReadingIgnored, beside="event_id").row(ignored, event_id="e1")

    assert row == {
        "complex_id": "c1",
        "meter_id": "m1",
        "delivery_start": noon,
        "reason": "a guess",
        "event_id": "e1",
    }
    with pytest.raises(ValueError, match="flow and ReadingIgnored must agree, differ in \\['event_id'\\]"):
        RecordColumns(table, ReadingIgnored, beside="")
