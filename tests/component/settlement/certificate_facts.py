"""A small complex with its facts, and what has to hold of its certificates whatever happened."""

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.certificates.certification import CertificateBooks
from services.settlement import handlers, store
from services.settlement.store.certificate_tables import CERTIFICATE_BUNDLE, CERTIFICATE_SLICE
from services.settlement.store.certificates import load_books, load_contents, load_sites, lot_draws
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.fems import IntervalMetered, Quality
from shared.events.market import AuctionCleared
from shared.events.records import CertificateLine, Trade
from shared.events.settlement import CertificatesSettled
from tests.component.harness import Bench
from tests.component.settlement.settlement_facts import COMPLEX, DELIVERY, an_auction

# Two factories with roof and battery, and one with neither. Of a Wh charged 0.96 x 0.96 = 0.9216 come back.
SUNNY, BUYER, PLAIN = "hanbit-machining", "changsin-bearing", "daesung-casting"
ROOF, ESS, OTHER_ROOF = "hanbit-roof", "hanbit-ess", "changsin-roof"
SMALL = Complex.model_validate(
    {
        **COMPLEX.model_dump(mode="json"),
        "participants": [
            # Batteries that begin empty, so that what comes out of them was put in.
            {
                **one.model_dump(mode="json"),
                "ess": [{**ess.model_dump(), "soc_min": 0, "soc_initial": 0} for ess in one.ess],
            }
            for one in COMPLEX.participants
            if one.participant_id in {SUNNY, BUYER, PLAIN}
        ],
    }
)
COMPLEX_ID = SMALL.complex_id
METERS = {one.device_id: one for one in SMALL.devices}
Flows = dict[str, tuple[int, int]]


def a_bench(place: Path | str) -> Bench:
    return Bench(handlers.service(Complexes(SMALL)), store.METADATA, place, DELIVERY)


def a_reading(meter_id: str, start: datetime, flow_wh: tuple[int, int], *, guessed: bool = False) -> IntervalMetered:
    meter = METERS[meter_id]
    return IntervalMetered(
        complex_id=COMPLEX_ID,
        meter_id=meter_id,
        participant_id=meter.participant_id,
        meter_kind=meter.kind,
        delivery_start=start,
        import_wh=flow_wh[0],
        export_wh=flow_wh[1],
        quality=Quality.ESTIMATED if guessed else Quality.MEASURED,
    )


def readings(start: datetime, flows_wh: Flows) -> list[IntervalMetered]:
    return [a_reading(one, start, flows_wh.get(one, (0, 0))) for one in METERS]


def traded(start: datetime, *trades: tuple[str, str, int]) -> AuctionCleared:
    """Return an auction with trades of seller, buyer and Wh at 110 and 113 KRW/kWh."""
    auction = an_auction(start, traded_wh=0)
    made = tuple(
        Trade(
            trade_id=f"{auction.auction_id}:{number}",
            buy_order_id="b",
            sell_order_id="s",
            buyer_id=buyer_id,
            seller_id=seller_id,
            quantity_wh=quantity_wh,
            paid_krw=quantity_wh * 113 // 1_000,
            received_krw=quantity_wh * 110 // 1_000,
        )
        for number, (seller_id, buyer_id, quantity_wh) in enumerate(trades)
    )
    return auction.model_copy(update={"trades": made})


def lines_of(settled: CertificatesSettled) -> dict[str, CertificateLine]:
    return {line.participant_id: line for line in settled.lines}


def ends_of(settled: CertificatesSettled, device_id: str) -> list[tuple[int, int, str, str]]:
    return [
        (one.range_start, one.range_end, one.account_id, one.purpose)
        for one in settled.slices
        if one.device_id == device_id
    ]


# 50 kWh of sun: 20 are sold, 4 charged, 10 used, 16 go into the grid unsold. The buyer needs 30 and makes 5.
FLOWS_WH: Flows = {
    ROOF: (0, 50_000),
    ESS: (4_000, 0),
    f"{SUNNY}.grid": (0, 36_000),
    OTHER_ROOF: (0, 5_000),
    f"{BUYER}.grid": (25_000, 0),
}
SOLD = (SUNNY, BUYER, 20_000)


EVENING = DELIVERY + timedelta(hours=8)
DISCHARGE_WH: Flows = {ESS: (0, 3_000), f"{SUNNY}.grid": (5_000, 0)}


def check_register(db: Connection) -> None:
    """Hold the whole register against the readings: every Wh once, none lost, every total that of its lines."""
    starts = db.scalars(sa.select(CERTIFICATE_SLICE.c.delivery_start).distinct()).all()
    for start in starts:
        books = load_books(db, COMPLEX_ID, start)
        _check_ranges(db, books, start)
        _check_lines(db, books, start)
        for device_id, record in books.records.items():
            # No more of a lot is certified than its charging cancelled, less the losses.
            taken = lot_draws(db, COMPLEX_ID, device_id, start).values()
            assert sum(draw.certified_wh for draw in taken) <= record.certified_wh * 9_216 // 10_000
            assert sum(draw.taken_wh for draw in taken) <= record.charged_wh * 9_216 // 10_000
            assert sum(draw.taken_wh for draw in record.draws) <= record.discharged_wh
            assert all(draw.charged_at < start for draw in record.draws)
    for device_id, content in load_contents(db, COMPLEX_ID, METERS).items():
        for lot in content:
            record = load_books(db, COMPLEX_ID, lot.charged_at).records[device_id]
            taken = lot_draws(db, COMPLEX_ID, device_id, lot.charged_at).values()
            certified_wh = lot.certified_wh + sum(draw.certified_wh for draw in taken)
            assert certified_wh <= record.certified_wh * 9_216 // 10_000
            assert lot.left_wh + sum(draw.taken_wh for draw in taken) <= record.charged_wh * 9_216 // 10_000


def _check_ranges(db: Connection, books: CertificateBooks, start: datetime) -> None:
    bundle = CERTIFICATE_BUNDLE.c
    issued: defaultdict[str, list[int]] = defaultdict(list)
    for device_id, first, last in db.execute(
        sa.select(bundle.device_id, bundle.range_start, bundle.range_end).where(bundle.delivery_start == start)
    ):
        issued[device_id] += range(first, last + 1)
    for device_id, slices in books.slices.items():
        shared = [number for one in slices for number in range(one.range_start, one.range_end + 1)]
        assert sorted(issued[device_id]) == shared == list(range(1, len(shared) + 1))
    assert issued.keys() == books.slices.keys()
    for site in load_sites(db, COMPLEX_ID, start):
        for roof in site.roofs:
            live = [one for one in books.slices.get(roof.device_id, ()) if one.purpose != "correction"]
            assert sum(one.quantity_wh for one in live) == (roof.export_wh if roof.is_measured else 0)
    for device_id, record in books.records.items():
        live = [one for one in books.slices.get(device_id, ()) if one.purpose != "correction"]
        drawn = {draw.charged_at: draw.certified_wh for draw in record.draws if draw.certified_wh}
        given: defaultdict[datetime | None, int] = defaultdict(int)
        for one in live:
            given[one.charged_at] += one.quantity_wh
        assert dict(given) == drawn


def _check_lines(db: Connection, books: CertificateBooks, start: datetime) -> None:
    live = [one for slices in books.slices.values() for one in slices if one.purpose != "correction"]
    sites = {one.participant_id: one for one in load_sites(db, COMPLEX_ID, start)}
    assert books.lines.keys() == sites.keys()
    for name, line in books.lines.items():
        held = dict.fromkeys(("use", "storage", "export"), 0)
        for one in live:
            if one.account_id == name:
                held[one.purpose] += one.quantity_wh
        own_wh = sum(one.quantity_wh for one in live if one.producer_id == name)
        passed_wh = sum(one.quantity_wh for one in live if one.producer_id == name != one.account_id)
        assert (line.claimed_wh, line.stored_wh, line.withdrawn_wh) == (held["use"], held["storage"], held["export"])
        assert (line.issued_wh + line.reissued_wh, line.passed_on_wh) == (own_wh, passed_wh)
        gone_wh = line.passed_on_wh + line.claimed_wh + line.stored_wh + line.withdrawn_wh
        assert line.issued_wh + line.reissued_wh + line.received_wh == gone_wh
        assert line.claimed_wh <= line.consumption_wh == sites[name].consumption_wh
        assert line.stored_wh <= sum(one.import_wh for one in sites[name].batteries)
