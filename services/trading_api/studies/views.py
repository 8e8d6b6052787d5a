"""How a study and its results read on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import JsonObject, NoteView, Row, instant_text, kw_text
from shared.study_fields import NOT_MODELLED
from shared.units import kwh_text


class StudyView(TypedDict):
    """A what-if study and how far it is; first, what its figures leave out."""

    not_modelled: list[NoteView]
    study_id: str
    status: str
    requested_at: str
    requested_by: str
    asked: JsonObject
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


def study_view(row: Row) -> StudyView:
    """Show how far a study is."""
    return {
        "not_modelled": [
            {"code": limitation.code, "ko": limitation.ko, "en": limitation.en} for limitation in NOT_MODELLED
        ],
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
                "feeder_id": limit["feeder_id"],
                "direction": limit["direction"],
                "limit_kw": kw_text(limit["limit_w"]),
                "highest_kw": kw_text(limit["highest_w"]),
                "intervals": limit["intervals"],
            }
            for limit in row["feeder_limits_broken"]
        ],
    }
