"""How a reading reads on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text
from shared.units import kwh_text


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
