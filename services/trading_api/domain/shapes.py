"""What a caller reads: decimals as strings, instants in ISO 8601 UTC, absent as null."""

from typing import Any

from typing_extensions import TypedDict


class WhyView(TypedDict):
    """Why an order got what it got, in a sentence of each language."""

    ko: str
    en: str


class OrderView(TypedDict):
    """An order and what became of it."""

    order_id: str
    client_order_id: str
    participant_id: str
    writer: str
    sequence: int
    delivery_start: str
    side: str
    price_krw_per_kwh: str
    quantity_kwh: str
    auction: str
    block_kwh: list[str] | None
    submitted_at: str
    status: str
    reason: str | None
    detail: str | None
    why: WhyView | None
    amendment: str | None
    amendment_detail: str | None
    cancel_requested_at: str | None
    filled_kwh: str
    paid_krw: int
    received_krw: int


class AuctionView(TypedDict):
    """The public result of one interval's auction."""

    auction_id: str
    delivery_start: str
    cleared_at: str
    status: str
    price_krw_per_kwh: str | None
    price_low_krw_per_kwh: str | None
    price_high_krw_per_kwh: str | None
    volume_kwh: str
    fees_krw: int
    orders: int
    trades: int
    feeder_price_krw_per_kwh: dict[str, str | None]
    book_hash: str


class DayAheadView(TypedDict):
    """The public result of one interval of a day in the auction of the day before."""

    auction_id: str
    delivery_start: str
    cleared_at: str
    status: str
    price_krw_per_kwh: str | None
    volume_kwh: str
    fees_krw: int
    orders: int
    trades: int
    feeder_price_krw_per_kwh: dict[str, str | None]
    method: str
    book_hash: str


class TradeView(TypedDict):
    """A trade; a factory sees its own side, the other side is null."""

    trade_id: str
    auction_id: str
    delivery_start: str
    buy_order_id: str | None
    sell_order_id: str | None
    buyer_id: str | None
    seller_id: str | None
    quantity_kwh: str
    paid_krw: int | None
    received_krw: int | None


class ReadingView(TypedDict):
    """A meter's interval."""

    meter_id: str
    participant_id: str
    meter_kind: str
    delivery_start: str
    import_kwh: str
    export_kwh: str
    quality: str
    flags: list[str]
    reading_version: int


class SetpointView(TypedDict):
    """A command to a battery's converter; positive charges."""

    setpoint_id: str
    device_id: str
    delivery_start: str
    setpoint_kw: str
    status: str
    reason: str | None
    detail: str | None


class PlanView(TypedDict):
    """A battery's plan as the console draws it: where its charge will go, and why it does what it does first."""

    device_id: str
    participant_id: str
    status: str
    first_delivery_start: str
    soc_kwh: list[str]
    reason: str
    energy_value_krw_per_kwh: float


class BatteryDayView(TypedDict):
    """A factory's batteries on one day.

    The costs are its energy at the grid's prices, without trades: as metered, and as if the batteries had stood idle.
    `battery_shift_krw` is their difference and `stored_value_krw`, what the change in what is stored is worth: below 0
    where `recharge_kwh` have to be charged until the batteries hold what they held. `basis` says so in words.
    `saving_krw` is the same figure under its old name. `stored_change_kwh` is what the batteries themselves said that
    they hold more at the day's end than at its beginning. `soc_off_plan_max` is the largest distance of a battery's
    charge from its plan, as a fraction of its capacity. To a planner, won are null.
    """

    participant_id: str
    cost_with_krw: int | None
    cost_without_krw: int | None
    recharge_kwh: str
    stored_value_krw: int | None
    battery_shift_krw: int | None
    saving_krw: int | None
    basis: WhyView
    stored_change_kwh: str
    soc_off_plan_max: float | None


class ForecastView(TypedDict):
    """The newest forecast of one site; its series hold p10_kw, p50_kw, p90_kw and mean_kw by interval."""

    site_id: str
    participant_id: str
    kind: str
    model: str
    issued_at: str
    first_delivery_start: str
    series: dict[str, list[float]]


class LeadAccuracyView(TypedDict):
    """How good forecasts of one range of leads were; see the event AccuracyMeasured."""

    lead_hours: str
    forecasts: int
    nmae: float | None
    rmse_kw: float
    pinball_kw: float
    coverage: float | None
    skill_mae: float | None
    skill_rmse: float | None


class AccuracyView(TypedDict):
    """How good a site's forecasts were; `site_id` null: those of all sites of the kind together."""

    kind: str
    site_id: str | None
    participant_id: str | None
    measured_at: str
    days: int
    is_drifting: bool
    leads: list[LeadAccuracyView]


class ScheduleView(TypedDict):
    """A battery's plan; `soc_kwh` holds at the end of each interval."""

    schedule_id: str
    device_id: str
    participant_id: str
    status: str
    solved_at: str
    first_delivery_start: str
    charge_kw: list[str]
    discharge_kw: list[str]
    soc_kwh: list[str]
    reasons: list[str]
    energy_value_krw_per_kwh: list[float]


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


class InvoiceLineView(TypedDict):
    """One line of an invoice; an amount below 0 is due to the participant."""

    code: str
    ko: str
    en: str
    quantity_kwh: str | None
    demand_kw: str | None
    price_krw_per_kwh: str | None
    amount_krw: int
    basis: str


class NoteView(TypedDict):
    """What had to be assumed or left out."""

    code: str
    ko: str
    en: str


class InvoiceView(TypedDict):
    """A participant's Korean month; the total is the sum of the lines.

    `saving_krw` is the sum of its days' savings, as on their statements. `below_baseline_krw` is another thing: what
    the whole bill, demand charge and taxes too, lies below `baseline_krw`, the month without sun, batteries and trades.
    """

    invoice_id: str
    participant_id: str
    month: str
    revision: int
    issued_at: str
    complete: bool
    intervals_settled: int
    intervals_in_month: int
    lines: list[InvoiceLineView]
    kepco_krw: int
    total_krw: int
    baseline_krw: int
    below_baseline_krw: int
    saving_krw: int
    notes: list[NoteView]


class StudyView(TypedDict):
    """A what-if study and how far it is; first, what its figures leave out."""

    not_modelled: list[NoteView]
    study_id: str
    status: str
    requested_at: str
    requested_by: str
    asked: dict[str, Any]
    done: int
    total: int
    reason: str | None


class FeederLimitBrokenView(TypedDict):
    """A limit that bounds no plan of a study, and that its answer breaks."""

    feeder_id: str
    direction: str
    limit_kw: str
    highest_kw: str
    intervals: int


class StudyResultView(TypedDict):
    """One scenario of a study."""

    battery_scale: float
    pv_scale: float
    tariff_option: str
    cost_krw: int
    grid_import_kwh: str
    grid_export_kwh: str
    feeder_limits_broken: list[FeederLimitBrokenView]


class AuditView(TypedDict):
    """A link of the audit chain: who did what, when, with which result."""

    number: int
    at: str
    key_id: str
    who: str
    role: str
    action: str
    object: str
    result: str
    previous_hash: str
    hash: str


class LimitsView(TypedDict):
    """What a participant may have open; null: no limit of its own."""

    participant_id: str
    open_orders_max: int | None
    credit_limit_krw: int | None
    changed_at: str
    operator: str


class CalendarView(TypedDict):
    """A version of the market calendar; version 0 is the complex file's, and holds from the beginning."""

    version: int
    effective_from: str | None
    operator: str | None
    gate_closure_lead_s: int
    opening_lead_s: int | None
    price_krw_per_kwh_min: str
    price_krw_per_kwh_max: str
    order_quantity_kwh_max: str
    tick_krw_per_kwh: str
    lot_kwh: str
    traders: list[str] | None
    day_ahead_gate_s: int | None


class KeyView(TypedDict):
    """An API key without its secret."""

    key_id: str
    role: str
    complex_id: str
    participant_id: str | None
    name: str
    created_at: str
    revoked_at: str | None


class RevokedTokenView(TypedDict):
    """A token that works no longer; after `forgotten_at` it could not anyway."""

    jti: str
    revoked_at: str
    forgotten_at: str
