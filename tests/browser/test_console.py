from collections.abc import Callable

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from shared.events.fems import IntervalMetered
from shared.intervals import INTERVAL
from tests.browser.made_up_day import MadeUpDay
from tests.browser.pages import STARTS, WAIT_S, shows, sign_in, text
from tests.component.trading_api.trading_api_bench import COMPLEX, SECRETS, ApiBench

# The end of a session takes half a second to leave the page.
SLOW_TO_SIGN_OUT = """
const real = window.fetch;
window.fetch = async (path, options) => {
  if (options?.method !== "DELETE") return real(path, options);
  await new Promise((done) => setTimeout(done, 500));
  const answer = await real(path, options);
  window.isSignedOut = true;
  return answer;
};
"""


def test_an_operator_sees_the_day_as_it_happens_and_the_key_leaves_the_address(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("operator")
    before = (text(browser, "saving-note"), text(browser, "ledger-note"), text(browser, "devices"))
    bench.clock.instant = STARTS[3] + INTERVAL
    bench.give(*MadeUpDay(bench.complexes[COMPLEX]).interval(STARTS[3]))

    # 12 factories with a grid meter each, 8 roofs and 4 batteries; 4 ledger entries a factory and interval.
    assert before[1:] == ("144 entries · 3 intervals settled", "24 / 24")
    shows(browser, "ledger-note", "192 entries · 4 intervals settled")
    assert "Balanced" in text(browser, "ledger")
    shows(browser, "price-note", "10:45 delivery")
    shows(browser, "batteries", "holds for a price · 120 KRW/kWh")
    assert "key=" not in browser.current_url
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []  # type: ignore[no-untyped-call]  # selenium's own


def test_a_corrected_reading_is_counted_once(
    browser: webdriver.Chrome, bench: ApiBench, opened: Callable[[str], None]
) -> None:
    opened("operator")
    before = solar_at_ten(browser)
    [reading] = [
        event
        for event in MadeUpDay(bench.complexes[COMPLEX]).interval(STARTS[0])
        if isinstance(event, IntervalMetered) and event.meter_id == "hanbit-roof"
    ]

    bench.give(reading.model_copy(update={"export_wh": reading.export_wh + 10_000, "reading_version": 2}))

    # 10 kWh more in a quarter of an hour are 40 kW more.
    WebDriverWait(browser, WAIT_S).until(lambda page: solar_at_ten(page) == before + 40)


def solar_at_ten(browser: webdriver.Chrome) -> int:
    drawn = "echarts.getInstanceByDom(document.getElementById('source-chart')).getOption().series[0].data[40]"
    kw: int = browser.execute_script(f"return {drawn}")
    return kw


def test_the_page_says_in_both_languages_that_its_data_are_made_up(
    browser: webdriver.Chrome, opened: Callable[[str], None]
) -> None:
    opened("operator")

    assert "Synthetic data / 가상 데이터" in browser.page_source
    assert text(browser, "market-state") == "Market open"
    browser.find_element(By.ID, "language").click()
    shows(browser, "market-state", "시장 운영 중")
    shows(browser, "board", "한빛정밀")


def test_a_factory_sees_its_own_part_and_no_other_factory(
    browser: webdriver.Chrome, opened: Callable[[str], None]
) -> None:
    opened("seojin")

    shows(browser, "board", "Seojin Plating")
    page = browser.find_element(By.TAG_NAME, "main").text
    assert "Hanbit" not in page
    assert text(browser, "devices") == "2 / 2"


def test_a_planner_sees_energy_and_prices_and_no_panel_of_what_factories_trade_or_save(
    browser: webdriver.Chrome, opened: Callable[[str], None]
) -> None:
    opened("operator")
    shows(browser, "matching-note", "No official hourly certificate")
    browser.find_element(By.ID, "leave").click()
    # On the same page, which must not keep what the one before could see.
    sign_in(browser, SECRETS["planner"])

    WebDriverWait(browser, WAIT_S).until(lambda page: "Seojin Plating" in text(page, "board"))
    shows(browser, "batteries", "holds for a price")
    shows(browser, "price-note", "10:30 delivery")
    WebDriverWait(browser, WAIT_S).until(lambda page: not page.find_element(By.ID, "matching").is_displayed())
    panels = browser.find_elements(By.CSS_SELECTOR, "main .panel, main .figure")
    shown = {panel.get_attribute("class").split()[1] for panel in panels if panel.is_displayed()}  # type: ignore[union-attr]  # every panel has one
    assert shown == {"price", "volume", "solar", "devices", "flows", "prices", "sources", "batteries", "accuracy"}
    assert "Orders" not in browser.find_element(By.TAG_NAME, "main").text
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []  # type: ignore[no-untyped-call]  # selenium's own


def test_matching_and_co2_are_shown_with_what_they_are_not(
    browser: webdriver.Chrome, opened: Callable[[str], None]
) -> None:
    opened("operator")

    shows(browser, "matching-note", "No official hourly certificate in Korea found")
    assert "0.4173 tCO2e/MWh" in text(browser, "matching-note")
    by_the_quarter, by_the_hour, *_ = text(browser, "matching-row").split()
    assert 0 < float(by_the_quarter.rstrip("%")) <= float(by_the_hour.rstrip("%")) < 100
    browser.find_element(By.ID, "language").click()
    shows(browser, "matching-note", "공식 시간 단위 인증서가 확인되지 않았습니다")


def test_a_wrong_key_is_turned_away_and_signing_out_closes_the_room(
    browser: webdriver.Chrome, address: str, opened: Callable[[str], None]
) -> None:
    opened("operator")
    browser.find_element(By.ID, "leave").click()
    sign_in(browser, "nobody's key")

    shows(browser, "door-problem", "This key is not known.")
    browser.get(address)
    WebDriverWait(browser, WAIT_S).until(lambda page: page.find_element(By.ID, "door-key").is_displayed())


def test_who_signs_in_again_at_once_stays_signed_in(browser: webdriver.Chrome, opened: Callable[[str], None]) -> None:
    opened("operator")
    browser.execute_script(SLOW_TO_SIGN_OUT)
    browser.find_element(By.ID, "leave").click()
    sign_in(browser, SECRETS["planner"])

    WebDriverWait(browser, WAIT_S).until(lambda page: "Seojin Plating" in text(page, "board"))
    WebDriverWait(browser, WAIT_S).until(lambda page: page.execute_script("return window.isSignedOut"))
    browser.refresh()
    shows(browser, "devices", " / ")


def test_the_page_fits_a_telephone(browser: webdriver.Chrome, opened: Callable[[str], None]) -> None:
    opened("operator")
    small = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}

    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", small)

    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width == 390
