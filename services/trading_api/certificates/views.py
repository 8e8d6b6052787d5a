"""Granular certificates as people read them: in EnergyTag's words, and summed up as matching and CO2.

Energy from the grid is accounted for by both methods of the GHG Protocol's scope 2: by location, at the grid's factor
for all that came in through the connection; by the market, at the same factor for what was used without a certificate,
as nobody publishes a residual mix for Korea.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from typing_extensions import TypedDict

from services.trading_api.certificates.domain import CERTIFIED_ENERGY
from services.trading_api.text import Row, instant_text
from shared.complex.model import Complex
from shared.intervals import INTERVAL
from shared.reference.prices import EmissionFactor
from shared.units import kwh_text

STATUS: Final = {"use": "Claimed", "storage": "Cancelled", "export": "Withdrawn", "correction": "Withdrawn"}
SHARE_DECIMALS: Final = Decimal("0.0001")
# Grams from Wh and tonnes per MWh: 1 Wh x 1 t/MWh = 1 g.
GRAMS_PER_KG: Final = 1_000
NOT_OFFICIAL: Final = {
    "en": "No official hourly certificate in Korea found (2026-11-23). These are the complex's own, in the form of "
    "EnergyTag's; they prove nothing to an authority and are no K-RE100 document.",
    "ko": "한국에는 공식 시간 단위 인증서가 확인되지 않았습니다(2026-11-23). EnergyTag 형식을 따른 단지 자체 기록이며, "
    "공적 증빙이나 K-RE100 이행 실적이 아닙니다.",
}


class TextView(TypedDict):
    """A sentence in both languages."""

    en: str
    ko: str


class CertificateView(TypedDict):
    """A bundle of certificates of a Wh each, both ends in its range, in EnergyTag's fields and what is ours.

    To a factory that made it, who else holds it is null. `purpose` is use, storage, export or correction.
    """

    issuance_id: str
    hash: str
    certificate_bundle_status: str
    account_id: str | None
    metadata_id: str
    certificate_bundle_id_range_start: int
    certificate_bundle_id_range_end: int
    bundle_quantity: int
    beneficiary: str | None
    energy_carrier: str
    energy_source: str
    face_value: int
    issuance_post_energy_carrier_conversion: bool
    emissions_factor_production_device: str
    device_id: str
    production_starting_interval: str
    production_ending_interval: str
    expiry_datestamp: str
    is_storage: bool
    allocated_storage_record_id: str | None
    storage_efficiency_factor: str | None
    purpose: str
    producer_id: str
    trade_id: str | None
    battery_id: str | None
    revision: int


class RegistryView(TypedDict):
    """What holds for all certificates of a complex: EnergyTag's metadata, and what they are not. Unknown is null."""

    metadata_id: str
    country_of_issuance: str
    connected_grid_identification: str
    issuing_body: str
    legal_status: str
    issuance_purpose: str
    support_received: str | None
    quality_scheme_reference: str | None
    dissemination_level: str
    issue_market_zone: str
    note: TextView
    synthetic: TextView


class MatchingView(TypedDict):
    """A participant's day or month in certificates and CO2; `participant_id` null: all that the caller sees together.

    `matched_15min` and `matched_hourly` are the share of the consumption met in the same quarter or hour, null where
    nothing was consumed. Of energy: issued + reissued + received = passed_on + claimed + stored + withdrawn.
    """

    participant_id: str | None
    intervals: int
    consumption_kwh: str
    matched_15min: str | None
    matched_hourly: str | None
    issued_kwh: str
    reissued_kwh: str
    received_kwh: str
    passed_on_kwh: str
    claimed_kwh: str
    stored_kwh: str
    withdrawn_kwh: str
    co2_location_kg: str
    co2_market_kg: str


class FactorView(TypedDict):
    """The grid's factor that CO2 is counted with; `note` says where it is another year's."""

    year: int
    tco2e_per_mwh: str
    confidence: str
    sources: list[str]
    note: TextView


def certificate_view(row: Row, *, seen_by: str | None) -> CertificateView:
    """Show a bundle; `seen_by` None sees everyone's."""
    start, purpose = row["delivery_start"], row["purpose"]
    end = instant_text(start + INTERVAL)
    is_shown = seen_by in {None, row["account_id"]}
    beneficiary = {"use": row["account_id"], "storage": row["battery_id"]}.get(purpose)
    charged_at = row["charged_at"]
    return {
        "issuance_id": record_id(row["device_id"], start),
        "hash": row["hash"],
        "certificate_bundle_status": STATUS[purpose],
        "account_id": row["account_id"] if is_shown else None,
        "metadata_id": metadata_id(row["complex_id"]),
        "certificate_bundle_id_range_start": row["range_start"],
        "certificate_bundle_id_range_end": row["range_end"],
        "bundle_quantity": row["range_end"] - row["range_start"] + 1,
        "beneficiary": beneficiary if is_shown else None,
        "energy_carrier": "electricity",
        "energy_source": "solar_photovoltaic",
        "face_value": 1,
        "issuance_post_energy_carrier_conversion": False,
        "emissions_factor_production_device": "0",
        "device_id": row["device_id"],
        "production_starting_interval": instant_text(start),
        "production_ending_interval": end,
        "expiry_datestamp": end,
        "is_storage": charged_at is not None,
        "allocated_storage_record_id": None if charged_at is None else record_id(row["device_id"], charged_at),
        "storage_efficiency_factor": None if charged_at is None else _factor(row["storage_efficiency_ppm"]),
        "purpose": purpose,
        "producer_id": row["producer_id"],
        "trade_id": row["trade_id"],
        "battery_id": row["battery_id"] if is_shown else None,
        "revision": row["revision"],
    }


def _factor(efficiency_ppm: int | None) -> str | None:
    return None if efficiency_ppm is None else str(Decimal(efficiency_ppm).scaleb(-6))


def record_id(device_id: str, delivery_start: datetime) -> str:
    """Return the id of what a device made in an interval, or of what was charged into it."""
    return f"{device_id}:{delivery_start:%Y%m%dT%H%MZ}"


def metadata_id(complex_id: str) -> str:
    """Return the id of what holds for all certificates of a complex."""
    return f"{complex_id}:gc1"


def registry_view(complex_: Complex) -> RegistryView:
    """Say what the certificates of a complex are, and are not."""
    return {
        "metadata_id": metadata_id(complex_.complex_id),
        "country_of_issuance": "KR",
        "connected_grid_identification": complex_.complex_id,
        "issuing_body": "Sandan, no official body",
        "legal_status": "none: no official hourly certificate in Korea found",
        "issuance_purpose": "matching within the complex",
        "support_received": None,
        "quality_scheme_reference": None,
        "dissemination_level": "15-minute delivery intervals, metered",
        "issue_market_zone": "KR",
        "note": {"en": NOT_OFFICIAL["en"], "ko": NOT_OFFICIAL["ko"]},
        "synthetic": {"en": complex_.note.en, "ko": complex_.note.ko},
    }


def matching_views(rows: Iterable[Row], factor: EmissionFactor) -> tuple[list[MatchingView], MatchingView]:
    """Show sums by participant, and all together."""
    listed = [{name: part if name == "participant_id" else int(part) for name, part in row.items()} for row in rows]
    names = ("intervals", *CERTIFIED_ENERGY, "matched_hourly_wh", "location_wh", "market_wh")
    total = {"participant_id": None, **{name: sum(row[name] for row in listed) for name in names}}
    total["intervals"] = max((row["intervals"] for row in listed), default=0)
    return [_matching_view(row, factor) for row in listed], _matching_view(total, factor)


def _matching_view(row: Row, factor: EmissionFactor) -> MatchingView:
    return {
        "participant_id": row["participant_id"],
        "intervals": row["intervals"],
        "consumption_kwh": kwh_text(row["consumption_wh"]),
        "matched_15min": _share(row["claimed_wh"], row["consumption_wh"]),
        "matched_hourly": _share(row["matched_hourly_wh"], row["consumption_wh"]),
        "issued_kwh": kwh_text(row["issued_wh"]),
        "reissued_kwh": kwh_text(row["reissued_wh"]),
        "received_kwh": kwh_text(row["received_wh"]),
        "passed_on_kwh": kwh_text(row["passed_on_wh"]),
        "claimed_kwh": kwh_text(row["claimed_wh"]),
        "stored_kwh": kwh_text(row["stored_wh"]),
        "withdrawn_kwh": kwh_text(row["withdrawn_wh"]),
        "co2_location_kg": _kg(row["location_wh"], factor),
        "co2_market_kg": _kg(row["market_wh"], factor),
    }


def _share(part_wh: int, whole_wh: int) -> str | None:
    return str((Decimal(part_wh) / whole_wh).quantize(SHARE_DECIMALS)) if whole_wh else None


def _kg(energy_wh: int, factor: EmissionFactor) -> str:
    return str((energy_wh * factor.value / GRAMS_PER_KG).quantize(Decimal("0.001")))


def factor_view(factor: EmissionFactor, year: int) -> FactorView:
    """Show the factor that a year's CO2 is counted with."""
    if factor.year == year:
        note: TextView = {"en": f"The grid's factor of {year}.", "ko": f"{year}년 배출계수입니다."}
    else:
        note = {
            "en": f"No factor of {year} is known: the one of {factor.year} is used.",
            "ko": f"{year}년 배출계수가 공표되지 않아 {factor.year}년 값을 사용했습니다.",
        }
    return {
        "year": factor.year,
        "tco2e_per_mwh": str(factor.value),
        "confidence": factor.confidence,
        "sources": list(factor.sources),
        "note": note,
    }
