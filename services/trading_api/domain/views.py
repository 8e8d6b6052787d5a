"""How the rows of the read model read on the wire (shapes.py)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from optimizers.orders.rules import OrderRules
from services.trading_api.domain.orders import OrderStatus
from services.trading_api.domain.shapes import (
    AccuracyView,
    AuctionView,
    AuditView,
    CalendarView,
    DayAheadView,
    ForecastView,
    KeyView,
    LimitsView,
    OrderView,
    PlanView,
    ReadingView,
    RevokedTokenView,
    ScheduleView,
    SetpointView,
    SettledView,
    StatementView,
    StudyResultView,
    StudyView,
    TradeView,
)
from shared.study_fields import NOT_MODELLED
from shared.units import krw_text, kwh_text

Row = Mapping[Any, Any]
# W to kW takes the same three places as Wh to kWh.
kw_text = kwh_text


def order_view(row: Row) -> OrderView:
    """Show an order joined with its outcome, whose columns are null while the market has said nothing."""
    return OrderView(
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        participant_id=row["participant_id"],
        writer=row["writer"],
        sequence=row["sequence"],
        delivery_start=instant_text(row["delivery_start"]),
        side=row["side"],
        price_krw_per_kwh=krw_text(price_now(row)),
        quantity_kwh=kwh_text(quantity_now(row)),
        auction=row["auction"],
        block_kwh=[kwh_text(part_wh) for part_wh in row["block_wh"]] if row["block_wh"] else None,
        submitted_at=instant_text(row["submitted_at"]),
        status=row["status"] or OrderStatus.RECEIVED.value,
        reason=row["reason"],
        detail=row["detail"],
        why=row["why"],
        amendment=row["amendment"],
        amendment_detail=row["amendment_detail"],
        cancel_requested_at=_maybe(instant_text, row["cancel_requested_at"]),
        filled_kwh=kwh_text(row["filled_wh"] or 0),
        paid_krw=row["paid_krw"] or 0,
        received_krw=row["received_krw"] or 0,
    )


def price_now(row: Row) -> int:
    """Return an order's price as it was amended last [jeon/kWh]."""
    amended: int | None = row["amended_price_jeon_per_kwh"]
    submitted: int = row["price_jeon_per_kwh"]
    return submitted if amended is None else amended


def quantity_now(row: Row) -> int:
    """Return an order's energy as it was amended last [Wh]."""
    amended: int | None = row["amended_quantity_wh"]
    submitted: int = row["quantity_wh"]
    return submitted if amended is None else amended


def auction_view(row: Row) -> AuctionView:
    """Show an auction's public result."""
    feeders: dict[str, int | None] = row["feeder_price_jeon_per_kwh"]
    return {
        "auction_id": row["auction_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "cleared_at": instant_text(row["cleared_at"]),
        "status": row["status"],
        "price_krw_per_kwh": _maybe(krw_text, row["price_jeon_per_kwh"]),
        "price_low_krw_per_kwh": _maybe(krw_text, row["price_low_jeon_per_kwh"]),
        "price_high_krw_per_kwh": _maybe(krw_text, row["price_high_jeon_per_kwh"]),
        "volume_kwh": kwh_text(row["volume_wh"]),
        "fees_krw": row["fees_krw"],
        "orders": row["order_count"],
        "trades": row["trade_count"],
        "feeder_price_krw_per_kwh": {feeder: _maybe(krw_text, price) for feeder, price in sorted(feeders.items())},
        "book_hash": row["book_hash"],
    }


def day_ahead_view(row: Row) -> DayAheadView:
    """Show the public result of one interval in the day-ahead auction."""
    feeders: dict[str, int | None] = row["feeder_price_jeon_per_kwh"]
    return {
        "auction_id": row["auction_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "cleared_at": instant_text(row["cleared_at"]),
        "status": row["status"],
        "price_krw_per_kwh": _maybe(krw_text, row["price_jeon_per_kwh"]),
        "volume_kwh": kwh_text(row["volume_wh"]),
        "fees_krw": row["fees_krw"],
        "orders": row["order_count"],
        "trades": row["trade_count"],
        "feeder_price_krw_per_kwh": {feeder: _maybe(krw_text, price) for feeder, price in sorted(feeders.items())},
        "method": row["method"],
        "book_hash": row["book_hash"],
    }


def trade_view(row: Row, *, seen_by: str | None) -> TradeView:
    """Show a trade to staff (`seen_by` None) or to one of its two sides."""
    buys, sells = (seen_by in {None, row[side]} for side in ("buyer_id", "seller_id"))
    return {
        "trade_id": row["trade_id"],
        "auction_id": row["auction_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "buy_order_id": row["buy_order_id"] if buys else None,
        "sell_order_id": row["sell_order_id"] if sells else None,
        "buyer_id": row["buyer_id"] if buys else None,
        "seller_id": row["seller_id"] if sells else None,
        "quantity_kwh": kwh_text(row["quantity_wh"]),
        "paid_krw": row["paid_krw"] if buys else None,
        "received_krw": row["received_krw"] if sells else None,
    }


def reading_view(row: Row) -> ReadingView:
    """Show a meter's interval."""
    return {
        "meter_id": row["meter_id"],
        "participant_id": row["participant_id"],
        "meter_kind": row["meter_kind"],
        "delivery_start": instant_text(row["delivery_start"]),
        "import_kwh": kwh_text(row["import_wh"]),
        "export_kwh": kwh_text(row["export_wh"]),
        "quality": row["quality"],
        "flags": list(row["flags"]),
        "reading_version": row["reading_version"],
    }


def setpoint_view(row: Row) -> SetpointView:
    """Show a set-point and whether it was obeyed."""
    return {
        "setpoint_id": row["setpoint_id"],
        "device_id": row["device_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "setpoint_kw": kw_text(row["setpoint_w"]),
        "status": row["status"],
        "reason": row["reason"],
        "detail": row["detail"],
    }


def forecast_view(row: Row) -> ForecastView:
    """Show a site's forecast."""
    return {
        "site_id": row["site_id"],
        "participant_id": row["participant_id"],
        "kind": row["kind"],
        "model": row["model"],
        "issued_at": instant_text(row["issued_at"]),
        "first_delivery_start": instant_text(row["first_delivery_start"]),
        "series": row["series"],
    }


def accuracy_view(row: Row) -> AccuracyView:
    """Show how good a site's forecasts were."""
    return {
        "kind": row["kind"],
        "site_id": row["site_id"] or None,
        "participant_id": row["participant_id"],
        "measured_at": instant_text(row["measured_at"]),
        "days": row["days"],
        "is_drifting": row["is_drifting"],
        "leads": row["leads"],
    }


def schedule_view(row: Row) -> ScheduleView:
    """Show a battery's plan."""
    series = row["series"]
    return {
        "schedule_id": row["schedule_id"],
        "device_id": row["device_id"],
        "participant_id": row["participant_id"],
        "status": row["status"],
        "solved_at": instant_text(row["solved_at"]),
        "first_delivery_start": instant_text(row["first_delivery_start"]),
        "charge_kw": [kw_text(power_w) for power_w in series["charge_w"]],
        "discharge_kw": [kw_text(power_w) for power_w in series["discharge_w"]],
        "soc_kwh": [kwh_text(soc_wh) for soc_wh in series["soc_wh"]],
        "reasons": series["reasons"],
        "energy_value_krw_per_kwh": series["energy_value_krw_per_kwh"],
    }


def plan_view(row: Row) -> PlanView:
    """Show a battery's plan at a glance."""
    whole = schedule_view(row)
    return {
        "device_id": whole["device_id"],
        "participant_id": whole["participant_id"],
        "status": whole["status"],
        "first_delivery_start": whole["first_delivery_start"],
        "soc_kwh": whole["soc_kwh"],
        "reason": whole["reasons"][0],
        "energy_value_krw_per_kwh": whole["energy_value_krw_per_kwh"][0],
    }


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
    }


def study_view(row: Row) -> StudyView:
    """Show how far a study is."""
    return {
        "not_modelled": [{"code": one.code, "ko": one.ko, "en": one.en} for one in NOT_MODELLED],
        "study_id": row["study_id"],
        "status": row["status"],
        "requested_at": instant_text(row["requested_at"]),
        "requested_by": row["requested_by"],
        "asked": row["asked"],
        "done": row["done"],
        "total": row["total"],
        "reason": row["reason"],
    }


def study_result_view(row: Row) -> StudyResultView:
    """Show one scenario's result."""
    return {
        "battery_scale": row["battery_scale"],
        "pv_scale": row["pv_scale"],
        "tariff_option": row["tariff_option"],
        "cost_krw": row["cost_krw"],
        "grid_import_kwh": kwh_text(row["grid_import_wh"]),
        "grid_export_kwh": kwh_text(row["grid_export_wh"]),
        "feeder_limits_broken": [
            {
                "feeder_id": one["feeder_id"],
                "direction": one["direction"],
                "limit_kw": kw_text(one["limit_w"]),
                "highest_kw": kw_text(one["highest_w"]),
                "intervals": one["intervals"],
            }
            for one in row["feeder_limits_broken"]
        ],
    }


def audit_view(row: Row) -> AuditView:
    """Show a link of the audit chain."""
    return {
        "number": row["number"],
        "at": instant_text(row["at"]),
        "key_id": row["key_id"],
        "who": row["who"],
        "role": row["role"],
        "action": row["action"],
        "object": row["object"],
        "result": row["result"],
        "previous_hash": row["previous_hash"],
        "hash": row["hash"],
    }


def limits_view(row: Row) -> LimitsView:
    """Show a participant's own limits."""
    return {
        "participant_id": row["participant_id"],
        "open_orders_max": row["open_orders_max"],
        "credit_limit_krw": row["credit_krw_max"],
        "changed_at": instant_text(row["changed_at"]),
        "operator": row["operator"],
    }


def calendar_view(rules: OrderRules, *, operator: str | None) -> CalendarView:
    """Show a version of the calendar; the complex file's own has no instant from which it holds, and no operator."""
    calendar = rules.calendar
    return CalendarView(
        version=rules.version,
        effective_from=None if rules.version == 0 else instant_text(calendar.effective_from),
        operator=operator,
        gate_closure_lead_s=calendar.gate_closure_lead_s,
        opening_lead_s=calendar.opening_lead_s,
        price_krw_per_kwh_min=krw_text(calendar.price_jeon_per_kwh_min),
        price_krw_per_kwh_max=krw_text(calendar.price_jeon_per_kwh_max),
        order_quantity_kwh_max=kwh_text(calendar.order_quantity_wh_max),
        tick_krw_per_kwh=krw_text(calendar.tick_jeon),
        lot_kwh=kwh_text(calendar.lot_wh),
        traders=None if calendar.traders is None else list(calendar.traders),
        day_ahead_gate_s=calendar.day_ahead_gate_s,
    )


def key_view(row: Row) -> KeyView:
    """Show an API key without its secret."""
    return {
        "key_id": row["key_id"],
        "role": row["role"],
        "complex_id": row["complex_id"],
        "participant_id": row["participant_id"],
        "name": row["name"],
        "created_at": instant_text(row["created_at"]),
        "revoked_at": _maybe(instant_text, row["revoked_at"]),
    }


def revoked_token_view(row: Row) -> RevokedTokenView:
    """Show a token that works no longer."""
    return {
        "jti": row["jti"],
        "revoked_at": instant_text(row["revoked_at"]),
        "forgotten_at": instant_text(row["forgotten_at"]),
    }


def instant_text(instant: datetime) -> str:
    """Write an aware instant as ISO 8601 in UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _maybe(write: Callable[[Any], str], found: Any) -> str | None:
    return None if found is None else write(found)
