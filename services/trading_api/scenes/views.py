"""How the demo's scenes read on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import WhyView, instant_text, maybe
from shared.scenes import SCENES, SceneName, SceneProgress, Words


class SceneView(TypedDict):
    """A scene of the demo: what to watch, on which panel of the console, and how far it is, in market time."""

    name: str
    title: WhyView
    watch: WhyView
    panel: str
    state: str
    begins_at: str | None
    ends_at: str | None
    why: WhyView | None


def scene_view(name: SceneName, progress: SceneProgress) -> SceneView:
    """Show a scene."""
    scene = SCENES[name]
    return {
        "name": name,
        "title": _both(scene.title),
        "watch": _both(scene.watch),
        "panel": scene.panel,
        "state": progress.state,
        "begins_at": maybe(instant_text, progress.begins_at),
        "ends_at": maybe(instant_text, progress.ends_at),
        "why": None if progress.why is None else _both(progress.why),
    }


def _both(words: Words) -> WhyView:
    return {"ko": words.ko, "en": words.en}
