"""Certificates and matching over HTTP: from what settlement certified to what a factory may see."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.trading_api.log.stream import stream_after
from shared.events.records import CertificateSlice
from shared.events.settlement import CertificatesSettled
from shared.intervals import INTERVAL
from tests.component.settlement import settlement_facts
from tests.component.settlement.settlement_facts import BUYER, DELIVERY, FLOWS_WH, SELLER, an_auction, readings, sun
from tests.component.trading_api.trading_api_bench import ApiBench

DAY = "2026-05-20"
# The next quarter of the same hour: the buyer still needs 30 kWh, no one sells, and the sun is gone.
NEXT = DELIVERY + INTERVAL
DARK_WH = {f"{BUYER}.grid": (30_000, 0)}


def certified(place: Path | str) -> list[CertificatesSettled]:
    """Return two quarters of an hour: 35 kWh on every roof, 20 of them traded, then none."""
    with closing(settlement_facts.a_bench(place)) as settlement:
        settlement.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH), *sun(DELIVERY, 35_000))
        settlement.give(an_auction(NEXT, traded_wh=0), *readings(NEXT, DARK_WH), *sun(NEXT, 0))
        return settlement.published(CertificatesSettled)


@pytest.fixture
def bench(tmp_path: Path) -> ApiBench:
    for name in ("settlement", "api"):
        (tmp_path / name).mkdir()
    api = ApiBench(tmp_path / "api")
    api.give(*certified(tmp_path / "settlement"))
    return api


def items(client: TestClient, path: str, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/{path}", params=asked).json()["items"]
    return found


def test_a_factory_sees_what_it_made_in_energytags_words_and_no_other_holder(hanbit: TestClient) -> None:
    answer = hanbit.get("/api/v1/certificates", params={"day": DAY}).json()

    sold, *own = sorted(answer["items"], key=lambda one: one["certificate_bundle_id_range_start"])
    assert (sold["device_id"], sold["issuance_id"]) == ("hanbit-roof", "hanbit-roof:20260520T0100Z")
    assert (sold["certificate_bundle_id_range_start"], sold["bundle_quantity"]) == (1, 20_000)
    assert (sold["certificate_bundle_status"], sold["account_id"], sold["beneficiary"]) == ("Claimed", None, None)
    assert (sold["production_starting_interval"], sold["production_ending_interval"]) == (
        "2026-05-20T01:00:00Z",
        "2026-05-20T01:15:00Z",
    )
    # Of the other 15 its load took 6 (25 went out, 4 into the battery), the battery 4, and 5 went into the grid unsold.
    assert [(one["certificate_bundle_status"], one["bundle_quantity"], one["beneficiary"]) for one in own] == [
        ("Claimed", 6_000, SELLER),
        ("Cancelled", 4_000, "hanbit-ess"),
        ("Withdrawn", 5_000, None),
    ]
    assert "No official hourly certificate in Korea" in answer["registry"]["note"]["en"]
    assert "확인되지 않았습니다" in answer["registry"]["note"]["ko"]
    assert "made up" in answer["registry"]["synthetic"]["en"]


def test_a_stranger_to_them_sees_none_of_anothers_and_the_operator_all(bench: ApiBench) -> None:
    with bench.client("seojin") as seojin, bench.client("operator") as operator:
        assert {one["device_id"] for one in items(seojin, "certificates", limit=1000)} == {"seojin-roof"}
        everyone = items(operator, "certificates", limit=1000)
        sold = next(one for one in everyone if one["trade_id"])
        assert (sold["account_id"], sold["producer_id"]) == (BUYER, SELLER)
        first = operator.get("/api/v1/certificates", params={"limit": 2}).json()
        second = operator.get("/api/v1/certificates", params={"limit": 1000, "cursor": first["next_cursor"]}).json()
        assert first["items"] + second["items"] == everyone
        assert items(operator, "certificates", day="2026-05-21") == []


def test_matching_counts_quarters_hours_and_co2(bench: ApiBench) -> None:
    with bench.client("operator") as operator:
        answer = operator.get(f"/api/v1/matching/{DAY}").json()

    found = {one["participant_id"]: one for one in answer["items"]}
    buyer, seller = found[BUYER], found[SELLER]
    # It used 30 + 35 of its own roof = 65 kWh in the first quarter, with 20 + 35 certified, and 30 in the next.
    assert (buyer["intervals"], buyer["consumption_kwh"], buyer["claimed_kwh"]) == (2, "95.000", "55.000")
    assert (buyer["matched_15min"], buyer["matched_hourly"]) == ("0.5789", "0.5789")
    # 60 kWh came in; 40 were used without a certificate: at 0.4173 t/MWh 25.038 and 16.692 kg.
    assert (buyer["co2_location_kg"], buyer["co2_market_kg"]) == ("25.038", "16.692")
    assert (seller["matched_15min"], seller["withdrawn_kwh"], seller["stored_kwh"]) == ("1.0000", "5.000", "4.000")
    assert (answer["factor"]["year"], answer["factor"]["tco2e_per_mwh"]) == (2023, "0.4173")
    assert answer["factor"]["note"]["en"] == "No factor of 2026 is known: the one of 2023 is used."
    total = answer["total"]
    assert total["participant_id"] is None
    for name in ("consumption_kwh", "claimed_kwh", "issued_kwh", "co2_market_kg"):
        assert float(total[name]) == pytest.approx(sum(float(one[name]) for one in answer["items"]))


def test_by_the_hour_what_a_quarter_had_left_counts_for_another(tmp_path: Path) -> None:
    for name in ("settlement", "api"):
        (tmp_path / name).mkdir()
    with closing(settlement_facts.a_bench(tmp_path / "settlement")) as settlement:
        # 10 kWh left over in one quarter; 6 needed in the next, and 8 in the next hour.
        for n, flow_wh in enumerate([(0, 10_000), (6_000, 0), (0, 0), (0, 0), (8_000, 0)]):
            start = DELIVERY + n * INTERVAL
            made = [one for one in sun(start, 0) if one.meter_id != "hanbit-roof"]
            roof = next(one for one in sun(start, flow_wh[1]) if one.meter_id == "hanbit-roof")
            settlement.give(an_auction(start, traded_wh=0), *readings(start, {f"{SELLER}.grid": flow_wh}), *made, roof)
        told = settlement.published(CertificatesSettled)
    api = ApiBench(tmp_path / "api")
    api.give(*told)

    with api.client("hanbit") as hanbit:
        [own] = items(hanbit, f"matching/{DAY}")

    # 6 of 14 by the hour, nothing by the quarter.
    assert (own["consumption_kwh"], own["matched_15min"], own["matched_hourly"]) == ("14.000", "0.0000", "0.4286")


def test_a_correction_replaces_what_was_shown(tmp_path: Path) -> None:
    for name in ("settlement", "api"):
        (tmp_path / name).mkdir()
    with closing(settlement_facts.a_bench(tmp_path / "settlement")) as settlement:
        settlement.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH), *sun(DELIVERY, 35_000))
        settlement.give(next(one for one in sun(DELIVERY, 33_000) if one.meter_id == "hanbit-roof"))
        told = settlement.published(CertificatesSettled)
    api = ApiBench(tmp_path / "api")
    api.give(*told)

    with api.client("hanbit") as hanbit:
        shown = items(hanbit, "certificates")
        [own] = items(hanbit, "matching/2026-05")

    # 20 sold, 4 used as 2 fewer were made behind the same meter, 4 stored, 5 unsold, and the last 2 never were.
    by_purpose = {one["purpose"]: one["bundle_quantity"] for one in shown if one["account_id"] == SELLER}
    assert by_purpose == {"use": 4_000, "storage": 4_000, "export": 5_000, "correction": 2_000}
    assert {one["revision"] for one in shown} == {1}
    assert (own["issued_kwh"], own["passed_on_kwh"], own["claimed_kwh"]) == ("33.000", "20.000", "4.000")


def test_what_a_battery_gave_back_names_its_charging_and_its_efficiency(tmp_path: Path) -> None:
    for name in ("settlement", "api"):
        (tmp_path / name).mkdir()
    given = CertificateSlice(
        device_id="hanbit-ess",
        producer_id=SELLER,
        range_start=1,
        range_end=921,
        account_id=SELLER,
        purpose="use",
        charged_at=DELIVERY,
        storage_efficiency_ppm=921_600,
    )
    api = ApiBench(tmp_path / "api")
    api.give(certified(tmp_path / "settlement")[-1].model_copy(update={"slices": (given,)}))

    with api.client("hanbit") as hanbit:
        shown = items(hanbit, "certificates")[0]

    assert (shown["is_storage"], shown["storage_efficiency_factor"]) == (True, "0.921600")
    assert shown["allocated_storage_record_id"] == "hanbit-ess:20260520T0100Z"


def test_a_planner_is_turned_away_and_a_day_that_is_none_refused(bench: ApiBench, hanbit: TestClient) -> None:
    with bench.client("planner") as planner:
        assert planner.get("/api/v1/certificates").status_code == 403
        assert planner.get(f"/api/v1/matching/{DAY}").status_code == 403
    for period in ("2026-13", "2026-02-30", "yesterday"):
        assert hanbit.get(f"/api/v1/matching/{period}").status_code == 422
    empty = hanbit.get("/api/v1/matching/2026-04").json()
    assert (empty["items"], empty["total"]["matched_15min"]) == ([], None)


def test_the_stream_tells_that_there_is_something_to_ask_for(bench: ApiBench) -> None:
    with bench.engine.connect() as db:
        shown = [row for row in stream_after(db, settlement_facts.COMPLEX_ID, 0) if row["kind"] == "certified"]
    assert [row["payload"]["delivery_start"] for row in shown] == ["2026-05-20T01:00:00Z", "2026-05-20T01:15:00Z"]
