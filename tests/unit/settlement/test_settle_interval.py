"""An interval in money."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.settlement.interval import (
    MeteredEnergy,
    Prices,
    SettledTrade,
    Settlement,
    resettle_interval,
    settle_interval,
)
from optimizers.settlement.ledger import GRID, IMBALANCE_SPREAD, WHEELING_FEES, LedgerEntry, Posting

DELIVERY = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
PRICES = Prices(import_jeon_per_kwh=15_000, export_jeon_per_kwh=10_000)
NAMES = ("p", "q", "r")


def a_trade(quantity_wh: int, paid_krw: int, received_krw: int) -> SettledTrade:
    return SettledTrade(
        trade_id="t1",
        buyer_id="p",
        seller_id="q",
        quantity_wh=quantity_wh,
        paid_krw=paid_krw,
        received_krw=received_krw,
    )


def drawn(import_wh: int, *, ess_import_wh: int = 0, ess_export_wh: int = 0) -> MeteredEnergy:
    return MeteredEnergy(import_wh=import_wh, export_wh=0, ess_import_wh=ess_import_wh, ess_export_wh=ess_export_wh)


def fed_in(export_wh: int) -> MeteredEnergy:
    return MeteredEnergy(import_wh=0, export_wh=export_wh, ess_import_wh=0, ess_export_wh=0)


def test_what_was_bought_too_little_is_drawn_at_the_tariff_and_sold_too_little_fed_in() -> None:
    settlement = settle_interval(
        DELIVERY,
        metered={"p": drawn(30_000), "q": fed_in(25_000)},
        prices={"p": PRICES, "q": PRICES},
        trades=[a_trade(20_000, 2_260, 2_200)],
    )

    buyer, seller = settlement.lines
    # 30 - 20 = 10 kWh at 150 KRW; 25 - 20 = 5 kWh at 100 KRW.
    assert (buyer.grid_import_wh, buyer.grid_export_wh, buyer.grid_paid_krw) == (10_000, 0, 1_500)
    assert (seller.grid_import_wh, seller.grid_export_wh, seller.grid_received_krw) == (0, 5_000, 500)
    assert (buyer.bought_wh, buyer.trade_paid_krw, seller.sold_wh, seller.trade_received_krw) == (
        20_000,
        2_260,
        20_000,
        2_200,
    )
    # Alone: 30 kWh at 150 = 4,500 to pay; 25 kWh at 100 = 2,500 to receive.
    assert (buyer.cost_without_krw, buyer.cost_with_krw) == (4_500, 3_760)
    assert (seller.cost_without_krw, seller.cost_with_krw) == (-2_500, -2_700)
    assert [(entry.entry_id, entry.postings) for entry in settlement.entries] == [
        (
            "trade:t1",
            (Posting("participant:p", 2_260, 0), Posting("participant:q", 0, 2_200), Posting(WHEELING_FEES, 0, 60)),
        ),
        ("imbalance:20260520T0100Z:p", (Posting("participant:p", 1_500, 0), Posting(GRID, 0, 1_500))),
        ("imbalance:20260520T0100Z:q", (Posting("participant:q", 0, 500), Posting(GRID, 500, 0))),
    ]


def test_a_factory_that_bought_more_than_it_drew_feeds_the_rest_in() -> None:
    settlement = settle_interval(
        DELIVERY,
        metered={"p": drawn(5_000), "q": fed_in(20_000)},
        prices={"p": PRICES, "q": PRICES},
        trades=[a_trade(20_000, 2_200, 2_200)],
    )

    # 5 - 20 = -15 kWh: 15 kWh fed in at 100 KRW. Nothing is left over at q, so that q has no imbalance entry.
    assert (settlement.lines[0].grid_export_wh, settlement.lines[0].grid_received_krw) == (15_000, 1_500)
    assert [entry.entry_id for entry in settlement.entries] == ["trade:t1", "imbalance:20260520T0100Z:p"]


def test_a_battery_is_taken_out_of_the_cost_without() -> None:
    settlement = settle_interval(
        DELIVERY,
        metered={"p": drawn(10_000, ess_export_wh=8_000), "q": drawn(10_000, ess_import_wh=14_000)},
        prices={"p": PRICES, "q": PRICES},
        trades=[],
    )

    # Without: p draws 10 + 8 = 18 kWh at 150 = 2,700; q 10 - 14 = -4 kWh, fed in at 100 = -400.
    assert [line.cost_without_krw for line in settlement.lines] == [2_700, -400]


def test_at_a_negative_price_the_seller_pays() -> None:
    settlement = settle_interval(
        DELIVERY,
        metered={"p": drawn(10_000), "q": fed_in(10_000)},
        prices={"p": PRICES, "q": PRICES},
        trades=[a_trade(10_000, -70, -130)],
    )

    buyer, seller = settlement.lines
    assert (buyer.trade_paid_krw, buyer.trade_received_krw) == (0, 70)
    assert (seller.trade_paid_krw, seller.trade_received_krw) == (130, 0)
    assert settlement.entries[0].postings == (
        Posting("participant:p", 0, 70),
        Posting("participant:q", 130, 0),
        Posting(WHEELING_FEES, 0, 60),
    )


def test_an_entry_out_of_balance_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="debits must equal credits, were 10 and 9 KRW"):
        LedgerEntry("e", "trade", (Posting("a", 10, 0), Posting("b", 0, 9)))


@pytest.mark.parametrize(("debit_krw", "credit_krw"), [(0, 0), (1, 1), (-1, 0), (0, -1)])
def test_a_posting_has_one_positive_side(debit_krw: int, credit_krw: int) -> None:
    with pytest.raises(ValueError, match="one positive side"):
        Posting("a", debit_krw, credit_krw)


ENERGY_WH = st.integers(0, 10**9)
MONEY_KRW = st.integers(-(10**9), 10**9)
METERED = st.builds(
    MeteredEnergy, import_wh=ENERGY_WH, export_wh=ENERGY_WH, ess_import_wh=ENERGY_WH, ess_export_wh=ENERGY_WH
)
PRICE_JEON = st.integers(-(10**5), 10**5)
ANY_PRICES = st.builds(
    Prices,
    import_jeon_per_kwh=PRICE_JEON,
    export_jeon_per_kwh=PRICE_JEON,
    short_jeon_per_kwh=st.none() | PRICE_JEON,
    long_jeon_per_kwh=st.none() | PRICE_JEON,
)
LOSSES_WH = st.dictionaries(st.sampled_from(NAMES), ENERGY_WH)
TRADES = st.lists(
    st.builds(
        SettledTrade,
        trade_id=st.uuids().map(str),
        buyer_id=st.sampled_from(NAMES),
        seller_id=st.sampled_from(NAMES),
        quantity_wh=ENERGY_WH,
        paid_krw=MONEY_KRW,
        received_krw=MONEY_KRW,
    ),
    max_size=6,
)


@given(
    metered=st.fixed_dictionaries(dict.fromkeys(NAMES, METERED)),
    prices=st.fixed_dictionaries(dict.fromkeys(NAMES, ANY_PRICES)),
    trades=TRADES,
    losses_wh=LOSSES_WH,
)
def test_books_balance_and_agree_with_the_lines(
    metered: dict[str, MeteredEnergy], prices: dict[str, Prices], trades: list[SettledTrade], losses_wh: dict[str, int]
) -> None:
    settlement = settle_interval(DELIVERY, metered=metered, prices=prices, trades=trades, losses_wh=losses_wh)

    balance_krw: dict[str, int] = {}
    for posting in (posting for entry in settlement.entries for posting in entry.postings):
        balance_krw.setdefault(posting.account, 0)
        balance_krw[posting.account] += posting.debit_krw - posting.credit_krw
    assert sum(balance_krw.values()) == 0
    for line in settlement.lines:
        assert balance_krw.get(f"participant:{line.participant_id}", 0) == line.cost_with_krw
        net_wh = line.metered_import_wh - line.metered_export_wh
        assert line.grid_import_wh - line.grid_export_wh == net_wh - (line.bought_wh - line.sold_wh)
        assert 0 in {line.grid_import_wh, line.grid_export_wh}
        assert 0 in {line.grid_paid_krw, line.grid_received_krw}
    fees_krw = sum(trade.paid_krw - trade.received_krw for trade in trades)
    assert -balance_krw.get(WHEELING_FEES, 0) == fees_krw
    assert -balance_krw.get(IMBALANCE_SPREAD, 0) == sum(line.spread_krw for line in settlement.lines)
    assert -balance_krw.get(GRID, 0) == sum(line.grid_owed_krw + line.loss_krw for line in settlement.lines)


@given(metered=st.fixed_dictionaries(dict.fromkeys(NAMES, METERED)), trades=TRADES)
def test_imbalances_together_are_what_the_complex_drew(
    metered: dict[str, MeteredEnergy], trades: list[SettledTrade]
) -> None:
    settlement = settle_interval(DELIVERY, metered=metered, prices=dict.fromkeys(NAMES, PRICES), trades=trades)

    drawn_wh = sum(one.import_wh - one.export_wh for one in metered.values())
    assert sum(line.grid_import_wh - line.grid_export_wh for line in settlement.lines) == drawn_wh


def balance_of(settlements: list[Settlement]) -> dict[str, int]:
    balance_krw: dict[str, int] = {}
    for posting in (posting for one in settlements for entry in one.entries for posting in entry.postings):
        balance_krw[posting.account] = balance_krw.get(posting.account, 0) + posting.debit_krw - posting.credit_krw
    return {account: krw for account, krw in balance_krw.items() if krw}


@given(
    readings=st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, METERED)), min_size=1, max_size=5),
    prices=st.fixed_dictionaries(dict.fromkeys(NAMES, ANY_PRICES)),
    trades=TRADES,
    losses_wh=LOSSES_WH,
)
def test_any_corrections_leave_the_books_as_if_the_last_readings_had_been_the_first(
    readings: list[dict[str, MeteredEnergy]],
    prices: dict[str, Prices],
    trades: list[SettledTrade],
    losses_wh: dict[str, int],
) -> None:
    first = settle_interval(DELIVERY, metered=readings[0], prices=prices, trades=trades, losses_wh=losses_wh)
    settled = {line.participant_id: [line] for line in first.lines}
    done = [first]
    for corrected in readings[1:]:
        again = resettle_interval(DELIVERY, settled=settled, metered=corrected, trades=trades)
        for line in again.lines:
            settled[line.participant_id].append(line)
        done.append(again)

    fresh = settle_interval(DELIVERY, metered=readings[-1], prices=prices, trades=trades, losses_wh=losses_wh)
    assert balance_of(done) == balance_of([fresh])
    assert {name: lines[-1] for name, lines in settled.items()} == {line.participant_id: line for line in fresh.lines}
    entries = [entry for one in done for entry in one.entries]
    known: dict[str, str] = {}
    for entry in entries:
        if entry.kind in {"trade", "loss"}:
            continue
        _, _, participant_id, *_ = entry.entry_id.split(":")
        # Each names the newest entry of its participant's imbalance, the first one none.
        assert entry.corrects_entry_id == known.get(participant_id)
        known[participant_id] = entry.entry_id
    assert len({entry.entry_id for entry in entries}) == len(entries)


def test_a_correction_without_an_entry_before_names_none_and_one_without_money_makes_none() -> None:
    still = settle_interval(DELIVERY, metered={"p": drawn(0)}, prices={"p": PRICES}, trades=[])
    settled = {"p": list(still.lines)}

    rounded_away = resettle_interval(DELIVERY, settled=settled, metered={"p": drawn(3)}, trades=[])
    settled["p"] += rounded_away.lines
    moved = resettle_interval(DELIVERY, settled=settled, metered={"p": drawn(1_000)}, trades=[])

    # 3 Wh at 150 KRW/kWh are 0.45 KRW: a new line, but no won; 1 kWh is 150.
    assert (len(rounded_away.lines), rounded_away.entries) == (1, ())
    [entry] = moved.entries
    assert (entry.entry_id, entry.corrects_entry_id) == ("correction:20260520T0100Z:p:2", None)
    assert entry.postings == (Posting("participant:p", 150, 0), Posting(GRID, 0, 150))
