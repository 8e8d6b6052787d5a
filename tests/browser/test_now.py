"""What the console shows as of now: nothing of silent or impossible devices, and nothing once the server is gone."""

import socket
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from services.trading_api.access.tables import CONSOLE_SESSION
from services.trading_api.live import stream
from shared.events.fems import DeviceObserved
from shared.events.orders import OrderSubmitted
from shared.intervals import INTERVAL
from tests.browser.made_up_day import MadeUpDay
from tests.browser.pages import STARTS, WAIT_S, enter, shows, text
from tests.component.trading_api.serving import served
from tests.component.trading_api.trading_api_bench import COMPLEX, ApiBench

# The made-up day stands at 10:45; a machine that was asleep for a minute finds that out by its wall's clock.
SLEPT = "const real = Date.now; Date.now = () => real() + 60000"


def states(bench: ApiBench, at: datetime) -> dict[str, DeviceObserved]:
    found = MadeUpDay(bench.complexes[COMPLEX]).present(at)
    return {event.device_id: event for event in found if isinstance(event, DeviceObserved)}


def style(browser: webdriver.Chrome, selector: str, name: str) -> str:
    found: str = browser.find_element(By.CSS_SELECTOR, selector).value_of_css_property(name)
    return found


def labels(browser: webdriver.Chrome) -> set[str]:
    """Return what the figures of a day say whose they are."""
    return {one.text for one in browser.find_elements(By.CLASS_NAME, "of-day") if one.is_displayed()}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_a_silent_and_an_impossible_roof_are_grey_with_their_age_and_in_no_sum(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    bench.clock.instant += timedelta(minutes=2)
    now = bench.clock.now()
    shown = states(bench, now)
    # 3,208 kW of a roof with 1,000; and a factory whose meter and roof do not answer.
    odd = shown["hanbit-roof"].model_copy(update={"export_w": 3_208_000})
    silent = [shown[name].model_copy(update={"reachable": False}) for name in ("seojin-plating.grid", "seojin-roof")]
    others = [one for one in shown.values() if one.device_id not in {odd.device_id, *(one.device_id for one in silent)}]
    bench.give(odd, *silent, *others)
    opened("operator")

    sun_w = sum(one.export_w for one in others if one.meter_kind == "pv")
    shows(browser, "solar", f"{round(sun_w / 1000):,}")
    assert text(browser, "solar-note").endswith("without 2 of 8")
    assert text(browser, "devices") == "21 / 24"
    assert "seojin-roof (2 min ago)" in text(browser, "devices-note")
    drawn_w = sum(one.import_w - one.export_w for one in others if one.meter_kind == "grid")
    assert f"{abs(round(drawn_w / 1000)):,} kW · without 1 of 12" in text(browser, "board")
    factories = {
        one.find_element(By.CLASS_NAME, "name").text: one for one in browser.find_elements(By.CLASS_NAME, "factory")
    }
    plating = factories["Seojin Plating"]
    assert "2 min ago" in plating.text
    assert "load \N{EN DASH}" in plating.text
    grey = style(browser, ".muted", "color")
    assert plating.find_element(By.CLASS_NAME, "net").value_of_css_property("color") == grey
    roof = factories["Hanbit Machining"].find_element(By.CLASS_NAME, "sun")
    assert (roof.text, roof.value_of_css_property("color")) == ("☀ 3,208", grey)


def test_a_page_without_the_servers_word_is_grey_with_as_of_and_comes_back_by_itself(
    browser: webdriver.Chrome, bench: ApiBench
) -> None:
    port = free_port()
    with served(bench, port) as address:
        enter(browser, address, "operator")
    browser.execute_script(SLEPT)

    shows(browser, "as-of", "Connection lost; trying again. Shown as of 2026-05-20 10:45:00 KST")
    assert style(browser, ".room", "filter") == "grayscale(1)"
    browser.find_element(By.ID, "language").click()
    shows(browser, "as-of", "연결이 끊겨 다시 시도 중. 표시 기준 시각 2026-05-20 10:45:00 KST")
    bench.clock.instant = STARTS[3] + INTERVAL
    bench.give(*MadeUpDay(bench.complexes[COMPLEX]).interval(STARTS[3]))
    with served(bench, port):
        WebDriverWait(browser, WAIT_S).until(lambda page: style(page, ".room", "filter") == "none")
        # What was missed meanwhile is there, and once.
        shows(browser, "ledger-note", "192")
        assert text(browser, "as-of") == ""
        assert text(browser, "clock-time") == "11:00"


def test_a_session_that_ended_offers_to_sign_in_and_says_why(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK_EVERY_S", 0.1)
    opened("operator")
    with bench.engine.begin() as db:
        db.execute(sa.delete(CONSOLE_SESSION))

    WebDriverWait(browser, WAIT_S).until(lambda page: page.find_element(By.ID, "door-key").is_displayed())
    assert text(browser, "door-problem") == "Your session has ended. Sign in again to go on."
    assert not browser.find_element(By.TAG_NAME, "main").is_displayed()


def test_the_form_keeps_its_interval_when_the_gate_closes_and_refuses(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("hanbit")
    form = browser.find_element(By.ID, "order-form")
    select = Select(form.find_element(By.NAME, "delivery_start"))
    shows(browser, "order-form", "2026-05-20 11:15")
    chosen = select.first_selected_option.text
    form.find_element(By.NAME, "price_krw_per_kwh").send_keys("131.5")
    form.find_element(By.NAME, "quantity_kwh").send_keys("12.5")

    # The gate of 11:15 closes at 11:00.
    bench.clock.instant = STARTS[3] + INTERVAL
    shows(browser, "order-hint", "The gate of this interval has closed.")
    after = select.first_selected_option.text
    button = form.find_element(By.TAG_NAME, "button")
    assert (chosen, after, button.is_enabled()) == ("2026-05-20 11:15", "2026-05-20 11:15 · gate closed", False)
    browser.execute_script("arguments[0].requestSubmit(); arguments[0].onsubmit(new Event('submit'))", form)
    bench.run()
    assert bench.published(OrderSubmitted) == []

    select.select_by_visible_text("2026-05-20 11:30")
    WebDriverWait(browser, WAIT_S).until(lambda _: button.is_enabled())
    button.click()
    shows(browser, "order-answer", "received")
    bench.run()
    [order] = bench.published(OrderSubmitted)
    assert order.delivery_start.isoformat() == "2026-05-20T02:30:00+00:00"


def test_a_chosen_day_stays_and_today_is_the_korean_day_of_the_markets_clock(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("operator")
    assert labels(browser) == {"today"}
    assert "2026-05-20 10:30" in text(browser, "orders")
    browser.find_element(By.ID, "day-after").click()
    browser.find_element(By.ID, "day-before").click()
    shows(browser, "day", "2026-05-20")
    shows(browser, "orders-note", "of 2026-05-20")

    # Korean midnight, and the first interval of the next day is over.
    bench.clock.instant = datetime.fromisoformat("2026-05-20T15:20:00+00:00")
    shows(browser, "clock-day", "2026-05-21")
    WebDriverWait(browser, WAIT_S).until(lambda _: labels(browser) == {"2026-05-20"})
    assert text(browser, "day") == "2026-05-20"
    browser.find_element(By.ID, "today").click()
    shows(browser, "day", "2026-05-21")
    WebDriverWait(browser, WAIT_S).until(lambda _: labels(browser) == {"today"})
    assert not browser.find_element(By.ID, "today").is_displayed()
