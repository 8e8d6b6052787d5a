"""What imbalance costs by a complex's rule, and who keeps what it costs more."""

from datetime import UTC, date, datetime
from decimal import Decimal

from optimizers.settlement.imbalance import imbalance_prices
from optimizers.settlement.interval import MeteredEnergy, Prices, SettledTrade, resettle_interval, settle_interval
from optimizers.settlement.ledger import GRID, IMBALANCE_SPREAD, Posting
from shared.complex.imbalance import GRID_RULE, ImbalanceRule, rule_on

DELIVERY = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
GRID_PRICES = Prices(import_jeon_per_kwh=15_000, export_jeon_per_kwh=10_000)
TRADE = SettledTrade(trade_id="t1", buyer_id="p", seller_id="q", quantity_wh=20_000, paid_krw=2_200, received_krw=2_200)


def a_rule(reference: str = "grid", short_markup: str = "0", long_markdown: str = "0") -> ImbalanceRule:
    return ImbalanceRule.model_validate(
        {"from": "2026-01-01", "reference": reference, "short_markup": short_markup, "long_markdown": long_markdown}
    )


def metered(*, drawn_wh: int = 0, fed_in_wh: int = 0) -> MeteredEnergy:
    return MeteredEnergy(import_wh=drawn_wh, export_wh=fed_in_wh, ess_import_wh=0, ess_export_wh=0)


def own_prices(prices: Prices) -> tuple[int | None, int | None]:
    return prices.short_jeon_per_kwh, prices.long_jeon_per_kwh


def test_the_grids_own_rule_leaves_its_prices_alone() -> None:
    assert imbalance_prices(GRID_RULE, GRID_PRICES, 11_150) == GRID_PRICES


def test_two_prices_lie_around_what_the_grid_charges_and_pays() -> None:
    # 150 + 10 % and 100 - 20 %.
    assert own_prices(imbalance_prices(a_rule("grid", "0.1", "0.2"), GRID_PRICES, 11_150)) == (16_500, 8_000)


def test_two_prices_lie_around_the_auctions_price_and_around_the_grids_where_nothing_was_traded() -> None:
    rule = a_rule("auction", "0.2", "0.1")

    # 111.50 + 22.30, and 111.50 - 11.15; then 150 + 30 and 100 - 10.
    assert own_prices(imbalance_prices(rule, GRID_PRICES, 11_150)) == (13_380, 10_035)
    assert own_prices(imbalance_prices(rule, GRID_PRICES, None)) == (18_000, 9_000)


def test_a_negative_reference_is_made_worse_too_and_half_a_jeon_is_rounded_up() -> None:
    rule = a_rule("auction", "0.1", "0.1")

    # 5 jeon are a tenth of 50; half a jeon of 5 is one.
    assert own_prices(imbalance_prices(rule, GRID_PRICES, -50)) == (-45, -55)
    assert own_prices(imbalance_prices(rule, GRID_PRICES, 5)) == (6, 4)


def test_a_rule_holds_from_its_day_on_and_the_grids_before_the_first() -> None:
    first = a_rule("auction", "0.1")
    later = first.model_copy(update={"first_day": date(2026, 7, 1), "short_markup": Decimal("0.3")})

    held = [rule_on((first, later), date(2026, month, day)) for month, day in ((1, 1), (6, 30), (7, 1))]

    assert held == [first, first, later]
    assert rule_on((first, later), date(2025, 12, 31)) == GRID_RULE


def test_the_operator_keeps_what_two_prices_come_to_beyond_what_the_grid_is_owed() -> None:
    prices = imbalance_prices(a_rule("grid", "0.1", "0.2"), GRID_PRICES, None)

    settlement = settle_interval(
        DELIVERY,
        metered={"p": metered(drawn_wh=30_000), "q": metered(fed_in_wh=25_000)},
        prices={"p": prices, "q": prices},
        trades=[TRADE],
    )

    buyer, seller = settlement.lines
    # 10 kWh at 165, of which 150 are the grid's; 5 kWh earn 80, for which the grid pays 100.
    assert (buyer.grid_paid_krw, buyer.spread_krw, buyer.cost_with_krw) == (1_500, 150, 2_200 + 1_650)
    assert (seller.grid_received_krw, seller.spread_krw, seller.cost_with_krw) == (500, 100, -2_200 - 400)
    _, of_buyer, of_seller = settlement.entries
    assert of_buyer.postings == (
        Posting("participant:p", 1_650, 0),
        Posting(GRID, 0, 1_500),
        Posting(IMBALANCE_SPREAD, 0, 150),
    )
    assert of_seller.postings == (
        Posting("participant:q", 0, 400),
        Posting(GRID, 500, 0),
        Posting(IMBALANCE_SPREAD, 0, 100),
    )


def test_the_operator_bears_what_an_auctions_price_falls_short_of_the_tariff() -> None:
    prices = imbalance_prices(a_rule("auction", "0.2"), GRID_PRICES, 11_150)

    [line] = settle_interval(DELIVERY, metered={"p": metered(drawn_wh=10_000)}, prices={"p": prices}, trades=[]).lines

    # 10 kWh at 133.80; the grid is owed 150.
    assert (line.grid_paid_krw, line.spread_krw, line.cost_with_krw) == (1_500, 1_338 - 1_500, 1_338)


def test_a_correction_is_priced_as_the_interval_was() -> None:
    prices = imbalance_prices(a_rule("grid", "0.1", "0.2"), GRID_PRICES, None)
    first = settle_interval(DELIVERY, metered={"p": metered(drawn_wh=10_000)}, prices={"p": prices}, trades=[])

    again = resettle_interval(DELIVERY, settled={"p": first.lines}, metered={"p": metered(drawn_wh=12_000)}, trades=[])

    # 2 kWh more at 165.
    [entry] = again.entries
    assert entry.corrects_entry_id == "imbalance:20260520T0100Z:p"
    assert entry.postings == (
        Posting("participant:p", 330, 0),
        Posting(GRID, 0, 300),
        Posting(IMBALANCE_SPREAD, 0, 30),
    )
