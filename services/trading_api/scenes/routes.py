"""The demo's scenes."""

from fastapi import APIRouter

from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import PageOut
from services.trading_api.http.problems import Problem
from services.trading_api.http.state import AppState, Caller, State
from services.trading_api.log.commands import AuditedCommand
from services.trading_api.roles import Scope
from services.trading_api.scenes.views import SceneView, scene_view
from shared.scenes import BUSY, SceneFolder, SceneName

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])
ROUTERS = (router,)


@router.get("/scenes")
def get_scenes(state: State) -> PageOut[SceneView]:
    """List the demo's scenes, each with how far it is."""
    told = _folder(state).progress()
    return PageOut(items=[scene_view(name, told[name]) for name in SceneName], next_cursor=None)


@router.post("/scenes/{name}", status_code=202)
def post_scene(name: str, state: State, caller: Caller) -> SceneView:
    """Ask the demo for a scene, which it begins as soon as that is possible."""
    if name not in set(SceneName):
        raise Problem("not_found")
    folder, wanted = _folder(state), SceneName(name)
    if folder.progress()[wanted].state in BUSY:
        raise Problem("scene_busy")
    with state.begin() as db:
        AuditedCommand(db, caller, state.clock.now()).record("scene.start", wanted, "requested")
        try:
            folder.ask(wanted)
        except OSError:
            raise Problem("unavailable") from None
    return scene_view(wanted, folder.progress()[wanted])


def _folder(state: AppState) -> SceneFolder:
    assert state.scenes is not None  # noqa: S101 -- without a folder there are no such routes; narrows the type
    return state.scenes
