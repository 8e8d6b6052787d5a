"""A made-up morning of the demo complex, served to a real browser."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from shared.intervals import INTERVAL
from shared.paths import ROOT
from tests.browser.made_up_day import MadeUpDay
from tests.browser.pages import STARTS, enter
from tests.component.trading_api.serving import served
from tests.component.trading_api.trading_api_bench import COMPLEX, ApiBench

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
CHARTS = ROOT / "services/trading_api/console/static/vendor/echarts.min.js"


@pytest.fixture(scope="session", autouse=True)
def _browser_is_here() -> None:
    if not (CHROMIUM and DRIVER):
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    if not CHARTS.exists():
        pytest.skip("needs the console's scripts: make setup")


@pytest.fixture
def bench(tmp_path: Path) -> ApiBench:
    bench = ApiBench(tmp_path)
    day = MadeUpDay(bench.complexes[COMPLEX])
    for start in STARTS[:3]:
        bench.clock.instant = start + INTERVAL
        bench.give(*day.interval(start), *day.present(bench.clock.now()))
    return bench


@pytest.fixture
def address(bench: ApiBench) -> Iterator[str]:
    with served(bench) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1440,900", "--lang=en"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=Service(DRIVER)) as driver:
        yield driver


@pytest.fixture
def opened(browser: webdriver.Chrome, address: str) -> Callable[[str], None]:
    return partial(enter, browser, address)
