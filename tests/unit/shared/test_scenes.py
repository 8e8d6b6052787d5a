"""The folder by which the demo's scenes are asked for and told of."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.paths import ROOT
from shared.scenes import SCENES, SceneFolder, SceneName, SceneProgress, SceneState

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
ON = SceneProgress(state=SceneState.ON, begins_at=NOON, ends_at=NOON)


def test_a_scene_is_ready_then_asked_for_then_what_the_stage_tells(tmp_path: Path) -> None:
    folder = SceneFolder(tmp_path / "scenes")
    states = [folder.progress()[SceneName.HALT].state]

    folder.ask(SceneName.HALT)
    folder.ask(SceneName.HALT)
    states.append(folder.progress()[SceneName.HALT].state)
    asked = folder.asked()
    folder.tell({SceneName.HALT: ON}, taken=asked)

    assert states == ["ready", "asked"]
    assert asked == [SceneName.HALT]
    assert folder.asked() == []
    assert folder.progress()[SceneName.HALT] == ON


def test_what_was_not_taken_up_stays_asked_for(tmp_path: Path) -> None:
    folder = SceneFolder(tmp_path)
    folder.ask(SceneName.HALT)

    folder.tell({SceneName.HAND_BID: ON})

    assert folder.asked() == [SceneName.HALT]
    assert folder.progress()[SceneName.HALT].state is SceneState.ASKED


@pytest.mark.parametrize(
    "content", ["", "{", '{"scenes": {"halt": {"state": "dancing"}}}', '{"scenes": {"opera": {}}}']
)
def test_a_state_that_can_not_be_read_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)

    assert set(SceneFolder(tmp_path).progress().values()) == {SceneProgress()}


def test_every_scene_says_in_both_languages_what_to_watch_on_a_panel_that_exists() -> None:
    page = (ROOT / "services/trading_api/console/templates/console.html").read_text(encoding="utf-8")
    panels = set(re.findall(r'class="panel (\w+)"', page))

    assert set(SCENES) == set(SceneName)
    for scene in SCENES.values():
        assert scene.panel in panels
        for words in (scene.title, scene.watch):
            assert re.search("[가-힣]", words.ko)
            assert not re.search("[가-힣]", words.en)
