"""What is lost between factories, in whole Wh, and what the buyer pays for it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from optimizers.settlement.interval import MeteredEnergy, Prices, SettledTrade, settle_interval
from optimizers.settlement.ledger import GRID, Posting
from optimizers.settlement.losses import losses_wh
from shared.units import round_half_up

FEEDER_OF = {"a": "F1", "b": "F1", "c": "F2", "d": "F2"}
# 1.99 % is the loss of a distribution line in a study of 2022-23.
LOSS_FRACTION_OF = {"F1": Decimal("0.0199"), "F2": Decimal("0.01")}


def a_trade(buyer_id: str, seller_id: str, quantity_wh: int) -> SettledTrade:
    return SettledTrade(
        trade_id=f"{buyer_id}{seller_id}{quantity_wh}",
        buyer_id=buyer_id,
        seller_id=seller_id,
        quantity_wh=quantity_wh,
        paid_krw=0,
        received_krw=0,
    )


def test_a_trade_between_feeders_loses_what_both_lose_and_one_within_a_feeder_nothing() -> None:
    trades = [a_trade("a", "c", 10_000), a_trade("a", "b", 10_000), a_trade("d", "c", 10_000)]

    # 1.99 % and 1 % of 10 kWh.
    assert losses_wh(trades, FEEDER_OF, LOSS_FRACTION_OF) == {"a": 299}


def test_losses_are_whole_and_add_up_to_their_rounded_total() -> None:
    trades = [a_trade(buyer, seller, 1_080) for buyer, seller in (("a", "c"), ("b", "c"), ("d", "a"))]

    # 32.292 Wh each, 96.876 together: 97, of which the first gets the one that is missing.
    assert losses_wh(trades, FEEDER_OF, LOSS_FRACTION_OF) == {"a": 33, "b": 32, "d": 32}


def test_without_a_stated_loss_nothing_is_lost() -> None:
    assert losses_wh([a_trade("a", "c", 10_000)], FEEDER_OF, dict.fromkeys(("F1", "F2"), Decimal(0))) == {}


def test_the_buyer_draws_the_loss_from_the_grid_at_its_own_price() -> None:
    still = MeteredEnergy(import_wh=10_000, export_wh=0, ess_import_wh=0, ess_export_wh=0)

    settlement = settle_interval(
        datetime(2026, 5, 20, 1, 0, tzinfo=UTC),
        metered={"a": still},
        prices={"a": Prices(import_jeon_per_kwh=15_000, export_jeon_per_kwh=10_000)},
        trades=[],
        losses_wh={"a": 299},
    )

    # 0.299 kWh at 150 are 44.85; 10 kWh are 1,500.
    [line] = settlement.lines
    assert (line.loss_wh, line.loss_krw, line.cost_with_krw) == (299, 45, 1_545)
    assert [entry.entry_id for entry in settlement.entries] == ["loss:20260520T0100Z:a", "imbalance:20260520T0100Z:a"]
    assert settlement.entries[0].postings == (Posting("participant:a", 45, 0), Posting(GRID, 0, 45))


PLACES = st.sampled_from(sorted(FEEDER_OF))


@given(st.lists(st.builds(a_trade, PLACES, PLACES, st.integers(0, 10**9)), max_size=8))
def test_no_buyer_gets_a_wh_more_or_less_than_its_share(trades: Sequence[SettledTrade]) -> None:
    found = losses_wh(trades, FEEDER_OF, LOSS_FRACTION_OF)

    exact: dict[str, Fraction] = {}
    for one in trades:
        if FEEDER_OF[one.buyer_id] != FEEDER_OF[one.seller_id]:
            exact[one.buyer_id] = exact.get(one.buyer_id, Fraction()) + one.quantity_wh * Fraction(299, 10_000)
    total = sum(exact.values(), Fraction())
    assert sum(found.values()) == round_half_up(total.numerator, total.denominator)
    assert all(abs(found[buyer] - lost) < 1 for buyer, lost in exact.items())
