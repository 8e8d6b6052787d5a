"""How settled intervals and statements read on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text
from shared.units import krw_text, kwh_text


class SettledView(TypedDict):
    """One participant's settled interval."""

    delivery_start: str
    participant_id: str
    metered_import_kwh: str
    metered_export_kwh: str
    bought_kwh: str
    sold_kwh: str
    grid_import_kwh: str
    grid_export_kwh: str
    grid_import_price_krw_per_kwh: str
    grid_export_price_krw_per_kwh: str
    spread_krw: int
    loss_kwh: str
    loss_krw: int
    cost_with_krw: int
    cost_without_krw: int


class StatementView(TypedDict):
    """A participant's Korean day; `revision` above 0: with corrected readings.

    `saving_krw` is `cost_without_krw` less `cost_with_krw` plus `stored_value_krw` (docs/savings.md). `spread_krw` is
    what the complex's own rule for imbalance adds, `loss_krw` pays for what was lost on the way.
    """

    statement_id: str
    participant_id: str
    trading_day: str
    intervals: int
    bought_kwh: str
    sold_kwh: str
    grid_import_kwh: str
    grid_export_kwh: str
    trade_paid_krw: int
    trade_received_krw: int
    grid_paid_krw: int
    grid_received_krw: int
    spread_krw: int
    loss_kwh: str
    loss_krw: int
    cost_with_krw: int
    cost_without_krw: int
    stored_value_krw: int
    saving_krw: int
    revision: int
    ledger_number: int | None
    ledger_hash: str | None
    operators_number: int | None
    operators_hash: str | None


def settled_view(row: Row) -> SettledView:
    """Show one participant's settled interval, its cost being what was paid less what was received."""
    paid_krw = row["trade_paid_krw"] + row["grid_paid_krw"] + row["spread_krw"] + row["loss_krw"]
    received_krw = row["trade_received_krw"] + row["grid_received_krw"]
    return {
        "delivery_start": instant_text(row["delivery_start"]),
        "participant_id": row["participant_id"],
        "metered_import_kwh": kwh_text(row["metered_import_wh"]),
        "metered_export_kwh": kwh_text(row["metered_export_wh"]),
        "bought_kwh": kwh_text(row["bought_wh"]),
        "sold_kwh": kwh_text(row["sold_wh"]),
        "grid_import_kwh": kwh_text(row["grid_import_wh"]),
        "grid_export_kwh": kwh_text(row["grid_export_wh"]),
        "grid_import_price_krw_per_kwh": krw_text(row["grid_import_price_jeon_per_kwh"]),
        "grid_export_price_krw_per_kwh": krw_text(row["grid_export_price_jeon_per_kwh"]),
        "spread_krw": row["spread_krw"],
        "loss_kwh": kwh_text(row["loss_wh"]),
        "loss_krw": row["loss_krw"],
        "cost_with_krw": paid_krw - received_krw,
        "cost_without_krw": row["cost_without_krw"],
    }


def statement_view(row: Row) -> StatementView:
    """Show a participant's day."""
    return {
        "statement_id": row["statement_id"],
        "participant_id": row["participant_id"],
        "trading_day": row["trading_day"].isoformat(),
        "intervals": row["intervals"],
        "bought_kwh": kwh_text(row["bought_wh"]),
        "sold_kwh": kwh_text(row["sold_wh"]),
        "grid_import_kwh": kwh_text(row["grid_import_wh"]),
        "grid_export_kwh": kwh_text(row["grid_export_wh"]),
        "trade_paid_krw": row["trade_paid_krw"],
        "trade_received_krw": row["trade_received_krw"],
        "grid_paid_krw": row["grid_paid_krw"],
        "grid_received_krw": row["grid_received_krw"],
        "spread_krw": row["spread_krw"],
        "loss_kwh": kwh_text(row["loss_wh"]),
        "loss_krw": row["loss_krw"],
        "cost_with_krw": row["cost_with_krw"],
        "cost_without_krw": row["cost_without_krw"],
        "stored_value_krw": row["stored_value_krw"],
        "saving_krw": row["saving_krw"],
        "revision": row["revision"],
        "ledger_number": row["ledger_number"],
        "ledger_hash": row["ledger_hash"],
        "operators_number": row["operators_number"],
        "operators_hash": row["operators_hash"],
    }
