"""The largest complex that its file's rules allow trades and is settled, and each message of it can be carried."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from optimizers.orders.book_order import ORDERS_PER_AUCTION_MAX
from services.market import handlers as market
from services.market import store as market_store
from services.settlement import handlers as settlement
from services.settlement import store as settlement_store
from services.settlement.handlers.certifying import ROWS_A_PART
from shared.complex.complexes import Complexes
from shared.complex.field_network import UNIT_ID_MAX
from shared.complex.model import FEEDERS_MAX, PARTICIPANTS_MAX, Complex, Device
from shared.db.order_writer import WRITERS
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.events.market import AuctionCleared, OrderAccepted, OrderRejected
from shared.events.orders import OrdersSealed, OrderSubmitted
from shared.events.records import Side
from shared.events.settlement import CertificatesSettled, IntervalResettled, IntervalSettled
from shared.events.topics import TOPICS
from shared.events.wire import MESSAGE_BYTES_MAX
from tests.component.harness import Bench
from tests.component.settlement.largest_complex import COMPLEX_ID, KW_MAX, a_file, participant_id, the_largest_complex

DELIVERY = datetime(2026, 5, 20, 1, tzinfo=UTC)
GATE = DELIVERY - timedelta(minutes=30)
EARLY = GATE - timedelta(minutes=15)
# A quarter of an hour at the most that a connection, a roof or a battery may have.
WH_MAX = round(KW_MAX * 1_000 / 4)
OF_A_WRITER = ORDERS_PER_AUCTION_MAX // len(WRITERS)
BUY_JEON, SELL_JEON = 10_000_000, 0


@pytest.fixture(scope="module")
def largest() -> Complex:
    return the_largest_complex()


@pytest.fixture(scope="module")
def market_bench(largest: Complex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A market after an auction for which each writer had one order more than the book takes."""
    service = market.service(Complexes(largest), seal_alarm=timedelta(minutes=5))
    bench = Bench(service, market_store.METADATA, tmp_path_factory.mktemp("market"), EARLY)
    for first, writer in zip((0, OF_A_WRITER + 1), WRITERS, strict=True):
        numbers = range(first, first + OF_A_WRITER + 1)
        orders = [an_order(writer, number) for number in numbers]
        seal = OrdersSealed(
            complex_id=COMPLEX_ID, writer=writer, delivery_start=DELIVERY, sealed_at=GATE, last_sequence=1 + numbers[-1]
        )
        bench.give(*orders, seal, producer=writer)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def auction(market_bench: Bench) -> AuctionCleared:
    [cleared] = market_bench.published(AuctionCleared)
    return cleared


def an_order(writer: str, number: int) -> OrderSubmitted:
    """Return an order of all that a connection takes or a roof gives, a little less each so that they split up."""
    side = Side.BUY if number % 2 else Side.SELL
    return OrderSubmitted(
        complex_id=COMPLEX_ID,
        order_id=f"{writer[0]}{number:099}",
        client_order_id=f"{number:064}",
        participant_id=participant_id(number),
        delivery_start=DELIVERY,
        side=side,
        price_jeon_per_kwh=BUY_JEON if side is Side.BUY else SELL_JEON,
        quantity_wh=WH_MAX - number,
        submitted_at=EARLY,
        writer=writer,
        sequence=number + 1,
    )


def a_reading(device: Device) -> IntervalMetered:
    """Return what a meter saw where odd factories draw, even ones feed in, and batteries take or give by turns."""
    number = int(device.participant_id)
    flows_wh = {
        MeterKind.GRID: (WH_MAX, 0) if number % 2 else (0, WH_MAX),
        MeterKind.PV: (0, WH_MAX),
        MeterKind.ESS: ((1_000, 0), (0, 1_000), (0, 0))[number % 3],
    }
    import_wh, export_wh = flows_wh[device.kind]
    return IntervalMetered(
        complex_id=COMPLEX_ID,
        meter_id=device.device_id,
        participant_id=device.participant_id,
        meter_kind=device.kind,
        delivery_start=DELIVERY,
        import_wh=import_wh,
        export_wh=export_wh,
        quality=Quality.MEASURED,
    )


def largest_message(bench: Bench) -> int:
    """Return the size of the largest message on a bench's bus [bytes]."""
    topics = {topic.name for topic in TOPICS}
    return max(message.size_bytes for topic in topics for message in bench.bus.messages(topic))


@pytest.mark.parametrize(
    ("participants", "feeders"), [(PARTICIPANTS_MAX + 1, FEEDERS_MAX), (PARTICIPANTS_MAX, FEEDERS_MAX + 1)]
)
def test_a_file_with_one_more_participant_or_feeder_is_refused(participants: int, feeders: int) -> None:
    with pytest.raises(ValidationError, match="at most"):
        Complex.model_validate(a_file(participants=participants, feeders=feeders))


def test_the_largest_complex_has_all_that_its_file_may_name(largest: Complex) -> None:
    assert (len(largest.participants), len(largest.feeders)) == (PARTICIPANTS_MAX, FEEDERS_MAX)
    # A grid meter, a roof and a battery each, and a meter at each feeder: 4,300, at 17 full addresses and an 18th.
    assert len(largest.field_devices) == 3 * PARTICIPANTS_MAX + FEEDERS_MAX == 4_300
    assert [len(devices) for devices in largest.devices_by_address.values()] == [UNIT_ID_MAX] * 17 + [101]


def test_the_largest_auction_is_held_and_can_be_carried(market_bench: Bench, auction: AuctionCleared) -> None:
    assert len(market_bench.published(OrderAccepted)) == ORDERS_PER_AUCTION_MAX
    assert [rejected.reason for rejected in market_bench.published(OrderRejected)] == ["too_many_orders"] * len(WRITERS)
    assert market_bench.bus.messages("market.dead_letters.v1") == []
    # As many buyers as sellers, with as much in sum: a seller has 1 Wh more than the buyer after it in one writer's
    # book, and 1 Wh less than the buyer before it in the other's.
    assert auction.volume_wh == sum(fill.quantity_wh for fill in auction.fills if fill.side is Side.BUY)
    assert (auction.status, {fill.filled_wh == fill.quantity_wh for fill in auction.fills}) == ("cleared", {True})
    assert len(auction.fills) == ORDERS_PER_AUCTION_MAX
    assert len(auction.trades) > ORDERS_PER_AUCTION_MAX // 2
    assert sum(trade.paid_krw - trade.received_krw for trade in auction.trades) == auction.fees_krw > 0
    assert largest_message(market_bench) <= MESSAGE_BYTES_MAX


def test_the_largest_interval_is_settled_certified_and_corrected(
    largest: Complex, auction: AuctionCleared, tmp_path: Path
) -> None:
    service = settlement.service(Complexes(largest))
    bench = Bench(service, settlement_store.METADATA, tmp_path, DELIVERY)
    readings = [a_reading(device) for device in largest.devices]
    corrected = readings[0].model_copy(update={"export_wh": WH_MAX - 1, "reading_version": 2})

    bench.give(auction, *readings)
    certified = bench.published(CertificatesSettled)
    bench.give(corrected)
    bench.close()

    assert bench.bus.messages("settlement.dead_letters.v1") == []
    [settled] = bench.published(IntervalSettled)
    assert (len(settled.lines), settled.ledger_sum_krw) == (PARTICIPANTS_MAX, 0)
    traded_wh = [(sum(line.bought_wh for line in settled.lines), sum(line.sold_wh for line in settled.lines))]
    assert traded_wh == [(auction.volume_wh, auction.volume_wh)]
    [resettled] = bench.published(IntervalResettled)
    assert [line.participant_id for line in resettled.lines] == [participant_id(0)]
    assert_certificates_go_round(certified)
    assert largest_message(bench) <= MESSAGE_BYTES_MAX


def assert_certificates_go_round(parts: list[CertificatesSettled]) -> None:
    """Check that nothing is lost between the parts: each line's sum, all of the sun, and both ends of each transfer."""
    lines = [line for part in parts for line in part.lines]
    rows = len(lines) + sum(len(part.slices) for part in parts)
    assert [part.part for part in parts] == list(range(1, 1 + -(-rows // ROWS_A_PART)))
    assert {part.parts for part in parts} == {len(parts)}
    assert len(lines) == PARTICIPANTS_MAX
    for line in lines:
        came_wh = line.issued_wh + line.reissued_wh + line.received_wh
        assert came_wh == line.passed_on_wh + line.claimed_wh + line.stored_wh + line.withdrawn_wh
    assert sum(line.issued_wh for line in lines) == PARTICIPANTS_MAX * WH_MAX
    assert sum(line.received_wh for line in lines) == sum(line.passed_on_wh for line in lines) > 0
