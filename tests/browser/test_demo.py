"""What only a demo's console has: a speed that the operator sets, and scenes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from shared.clock import Pace, SharedClock, wall_now, write_pace
from shared.scenes import SceneFolder, SceneName, SceneProgress, SceneState, Words
from tests.browser.pages import STARTS, WAIT_S, enter, shows, text
from tests.component.trading_api.serving import served
from tests.component.trading_api.trading_api_bench import ApiBench

# 10:45 in Korea.
NOW = STARTS[3]


@pytest.fixture
def clock(tmp_path: Path) -> SharedClock:
    write_pace(tmp_path / "clock.json", Pace(NOW, 60.0, wall_now()))
    return SharedClock(tmp_path / "clock.json")


@pytest.fixture
def folder(tmp_path: Path) -> SceneFolder:
    return SceneFolder(tmp_path / "scenes")


@pytest.fixture
def address(bench: ApiBench, clock: SharedClock, folder: SceneFolder) -> Iterator[str]:
    with served(bench, clock=clock, scenes=folder) as address:
        yield address


def scene(browser: webdriver.Chrome, name: SceneName) -> str:
    return browser.find_element(By.CSS_SELECTOR, f"[data-scene='{name}']").text


def scene_says(browser: webdriver.Chrome, name: SceneName, wanted: str) -> None:
    WebDriverWait(browser, WAIT_S).until(lambda page: wanted in page.find_element(By.ID, "scenes").text)
    assert wanted in scene(browser, name)


def test_the_operator_sets_the_speed_and_the_page_goes_on_at_it(
    browser: webdriver.Chrome, clock: SharedClock, opened: Callable[[str], None]
) -> None:
    opened("operator")
    pace = browser.find_element(By.ID, "pace")
    WebDriverWait(browser, WAIT_S).until(lambda _: pace.is_displayed() and pace.is_enabled())
    before = Select(pace).first_selected_option.text

    Select(pace).select_by_visible_text("×10")

    WebDriverWait(browser, WAIT_S).until(lambda _: clock.rate == 10)
    # It shows what the clock says, not what was chosen: another hand on the clock is seen, too.
    assert before == "×60"
    clock.go_at(30)
    WebDriverWait(browser, WAIT_S).until(lambda _: Select(pace).first_selected_option.text == "×30")
    # What stands beside it would say the same again.
    assert text(browser, "clock-speed") == ""


def test_a_speed_that_no_person_chose_is_shown_beside_those_that_can_be_chosen(
    browser: webdriver.Chrome, clock: SharedClock, opened: Callable[[str], None]
) -> None:
    clock.go_at(300)

    opened("operator")

    pace = browser.find_element(By.ID, "pace")
    WebDriverWait(browser, WAIT_S).until(lambda _: pace.is_displayed())
    assert [one.text for one in Select(pace).options] == ["×300", "×1", "×10", "×30", "×60"]
    assert Select(pace).first_selected_option.text == "×300"


@pytest.mark.parametrize("who", ["hanbit", "planner"])
def test_others_see_the_speed_and_neither_set_it_nor_start_scenes(
    browser: webdriver.Chrome, opened: Callable[[str], None], who: str
) -> None:
    opened(who)

    shows(browser, "clock-speed", "×60")
    assert not browser.find_element(By.ID, "pace").is_displayed()
    assert not browser.find_element(By.ID, "scenes").is_displayed()


def test_the_operator_starts_a_scene_and_is_told_what_to_watch_and_how_far_it_is(
    browser: webdriver.Chrome, folder: SceneFolder, opened: Callable[[str], None]
) -> None:
    opened("operator")
    WebDriverWait(browser, WAIT_S).until(lambda page: len(page.find_elements(By.CSS_SELECTOR, "#scenes button")) == 6)

    browser.find_element(By.CSS_SELECTOR, "[data-scene='cloud-front']").click()

    scene_says(browser, SceneName.CLOUD_FRONT, "asked for")
    assert folder.asked() == [SceneName.CLOUD_FRONT]
    assert "clouds pass over all roofs" in text(browser, "scene-note")
    assert "sources" in (browser.find_element(By.CSS_SELECTOR, ".watched").get_attribute("class") or "").split()
    on = SceneProgress(state=SceneState.ON, begins_at=NOW, ends_at=NOW)
    folder.tell({SceneName.CLOUD_FRONT: on}, taken=[SceneName.CLOUD_FRONT])
    scene_says(browser, SceneName.CLOUD_FRONT, "until 10:45")
    assert not browser.find_element(By.CSS_SELECTOR, "[data-scene='cloud-front']").is_enabled()


def test_a_scene_that_can_not_be_staged_says_why_in_the_readers_language(
    browser: webdriver.Chrome, address: str, folder: SceneFolder
) -> None:
    enter(browser, address, "operator", "ko")
    WebDriverWait(browser, WAIT_S).until(lambda page: len(page.find_elements(By.CSS_SELECTOR, "#scenes button")) == 6)
    browser.find_element(By.CSS_SELECTOR, "[data-scene='halt']").click()
    WebDriverWait(browser, WAIT_S).until(lambda _: folder.asked() == [SceneName.HALT])
    refused = SceneProgress(
        state=SceneState.REFUSED, why=Words(ko="이미 중단되어 있습니다.", en="It is halted already.")
    )

    folder.tell({SceneName.HALT: refused}, taken=[SceneName.HALT])

    scene_says(browser, SceneName.HALT, "지금은 불가")
    shows(browser, "scene-note", "이미 중단되어 있습니다.")
    assert browser.find_element(By.CSS_SELECTOR, "[data-scene='halt']").is_enabled()


def test_a_real_deployments_console_has_no_place_for_scenes(browser: webdriver.Chrome, bench: ApiBench) -> None:
    with served(bench) as address:
        enter(browser, address, "operator")

        assert browser.find_elements(By.ID, "scenes") == []
        said = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's own
        assert [one for one in said if one["level"] != "DEBUG"] == []
