from collections.abc import Callable

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from shared.events.commands import (
    BiddingChanged,
    MarketHaltRequested,
    MarketResumeRequested,
    ParticipantSuspendRequested,
)
from shared.events.market import MarketHalted, ParticipantSuspended
from shared.events.orders import OrderCancelRequested, OrderSubmitted
from tests.browser.pages import WAIT_S, shows, text
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, SEOJIN, ApiBench


def fill(browser: webdriver.Chrome, **fields: str) -> None:
    for name, value in fields.items():
        place = browser.find_element(By.NAME, name)
        place.clear()
        place.send_keys(value)


def press(browser: webdriver.Chrome, selector: str) -> None:
    WebDriverWait(browser, WAIT_S).until(lambda page: page.find_element(By.CSS_SELECTOR, selector).is_enabled())
    browser.find_element(By.CSS_SELECTOR, selector).click()


def test_a_factory_orders_by_hand_and_takes_it_back(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("hanbit")
    fill(browser, price_krw_per_kwh="131.5", quantity_kwh="12.5")
    press(browser, "#order-form button")
    shows(browser, "order-answer", "received")
    bench.run()
    press(browser, "#orders button")
    shows(browser, "order-answer", "Cancellation asked.")
    bench.run()

    # It is 10:45; the gate of 11:00 has closed.
    [order] = [one for one in bench.published(OrderSubmitted) if one.participant_id == HANBIT]
    assert (order.delivery_start.isoformat(), order.side) == ("2026-05-20T02:15:00+00:00", "buy")
    assert (order.price_jeon_per_kwh, order.quantity_wh) == (13_150, 12_500)
    [wish] = bench.published(OrderCancelRequested)
    assert wish.order_id == order.order_id
    assert "131.50" in text(browser, "orders")


def test_an_order_that_is_refused_says_which_field_and_is_nowhere(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("seojin")
    fill(browser, price_krw_per_kwh="131.5", quantity_kwh="1.2345")
    press(browser, "#order-form button")

    shows(browser, "order-answer", "quantity_kwh: must have at most 3 decimals (1.2345)")
    bench.run()
    assert bench.published(OrderSubmitted) == []


def test_the_operator_halts_the_market_and_suspends_a_factory_with_a_reason(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("operator")
    assert not browser.find_element(By.ID, "order-form").is_displayed()
    press(browser, "#market-state")
    press(browser, "#halt")
    bench.run()
    assert bench.published(MarketHaltRequested) == [], "a halt needs a reason"

    browser.find_element(By.ID, "reason").send_keys("grid works")
    press(browser, "#halt")
    shows(browser, "desk-answer", "The market has been asked.")
    bench.run()
    [halt] = bench.published(MarketHaltRequested)
    now = bench.clock.now()
    bench.give(MarketHalted(complex_id=COMPLEX, operator=halt.operator, reason=halt.reason, halted_at=now))
    shows(browser, "desk-market", "Market halted: grid works")
    press(browser, "#resume")
    shows(browser, "desk-answer", "The market has been asked.")
    browser.find_element(By.ID, "reason").send_keys("unpaid")
    press(browser, f"[data-participant='{SEOJIN}']")
    shows(browser, "desk-answer", "The market has been asked.")
    bench.run()

    assert len(bench.published(MarketResumeRequested)) == 1
    [suspend] = bench.published(ParticipantSuspendRequested)
    assert (suspend.participant_id, suspend.reason) == (SEOJIN, "unpaid")
    bench.give(
        ParticipantSuspended(
            complex_id=COMPLEX, participant_id=SEOJIN, operator=halt.operator, reason="unpaid", suspended_at=now
        )
    )
    shows(browser, "members", "suspended: unpaid")
    assert browser.find_element(By.CSS_SELECTOR, f"[data-participant='{SEOJIN}']").text == "Let trade"


def test_only_the_operator_gets_to_the_desk(browser: webdriver.Chrome, opened: Callable[[str], None]) -> None:
    for who in ("planner", "hanbit"):
        opened(who)
        assert not browser.find_element(By.ID, "market-state").is_enabled()


def test_a_factory_and_the_operator_switch_automatic_bidding(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("hanbit")
    shows(browser, "bidding", "Automatic bidding: on")
    press(browser, "#bidding button")
    # It is 10:45; the gate of 11:00 has closed.
    shows(browser, "order-answer", "Automatic bidding: off · from delivery")
    shows(browser, "order-answer", "11:15")
    shows(browser, "bidding", "Automatic bidding: off")

    opened("operator")
    press(browser, "#market-state")
    press(browser, f"button[data-bidding={HANBIT}]")
    shows(browser, "desk-answer", "Automatic bidding: on")
    bench.run()

    assert [(one.mode, one.stated_by) for one in bench.published(BiddingChanged)] == [
        ("off", "hanbit"),
        ("automatic", "operator"),
    ]
