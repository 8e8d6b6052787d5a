"""What tests look for on the console's pages."""

from datetime import date

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from shared.intervals import delivery_starts
from tests.component.trading_api.trading_api_bench import SECRETS

# Only ends a test that is stuck: a busy machine takes its time.
WAIT_S = 600
STARTS = delivery_starts(date(2026, 5, 20))[40:44]  # 10:00 to 11:00 in Korea


def text(browser: webdriver.Chrome, place: str) -> str:
    return browser.find_element(By.ID, place).text


def shows(browser: webdriver.Chrome, place: str, wanted: str) -> None:
    WebDriverWait(browser, WAIT_S).until(lambda page: wanted in text(page, place), f"{wanted!r} in #{place}")


def sign_in(browser: webdriver.Chrome, key: str) -> None:
    """Hand in a key at the door, on the same page."""
    WebDriverWait(browser, WAIT_S).until(lambda page: page.find_element(By.ID, "door-key").is_displayed())
    browser.find_element(By.ID, "door-key").send_keys(key)
    browser.find_element(By.CSS_SELECTOR, "#door-form button").click()


def enter(browser: webdriver.Chrome, address: str, who: str, language: str = "en") -> None:
    """Sign in on a page that begins anew."""
    # The language first, on a page without scripts: one that is left while it signs in would lose its key.
    browser.get(f"{address}/health/live")
    browser.execute_script(f"localStorage.setItem('sandan-language', '{language}')")
    browser.get("about:blank")
    # Reading forgets: what an earlier page said of its server, which has ended since, is no fault of this one.
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's own
    browser.get(f"{address}/#key={SECRETS[who]}")
    shows(browser, "devices", " / ")
