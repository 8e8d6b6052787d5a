"""What tests look for on the console's pages."""

from datetime import date

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from shared.intervals import delivery_starts

WAIT_S = 60
STARTS = delivery_starts(date(2026, 5, 20))[40:44]  # 10:00 to 11:00 in Korea


def text(browser: webdriver.Chrome, place: str) -> str:
    return browser.find_element(By.ID, place).text


def shows(browser: webdriver.Chrome, place: str, wanted: str) -> None:
    WebDriverWait(browser, WAIT_S).until(lambda page: wanted in text(page, place), f"{wanted!r} in #{place}")
