"""The demo's scenes over HTTP: its operator asks for them, and no other deployment knows of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shared.scenes import SceneFolder, SceneName, SceneProgress, SceneState, Words
from tests.component.trading_api.trading_api_bench import NOON, SECRETS, ApiBench

HALT = "/api/v1/scenes/halt"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ApiBench]:
    bench = ApiBench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def folder(tmp_path: Path) -> SceneFolder:
    return SceneFolder(tmp_path / "scenes")


@pytest.fixture
def client(bench: ApiBench, folder: SceneFolder) -> Iterator[TestClient]:
    with TestClient(bench.app(scenes=folder), raise_server_exceptions=False) as client:
        yield client


def as_(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRETS[who]}"}


def test_the_operator_asks_for_a_scene_and_the_audit_chain_says_so(client: TestClient, folder: SceneFolder) -> None:
    answer = client.post(HALT, headers=as_("operator"))

    assert (answer.status_code, answer.json()["state"]) == (202, "asked")
    assert folder.asked() == [SceneName.HALT]
    newest = client.get("/api/v1/audit", headers=as_("operator")).json()["items"][0]
    assert (newest["action"], newest["object"]) == ("scene.start", "halt")


def test_a_scene_that_is_on_is_not_begun_once_more(client: TestClient, folder: SceneFolder) -> None:
    folder.tell({SceneName.HALT: SceneProgress(state=SceneState.ON, begins_at=NOON, ends_at=NOON)})

    answer = client.post(HALT, headers=as_("operator"))

    assert (answer.status_code, answer.json()["code"]) == (409, "scene_busy")
    assert folder.asked() == []
    assert client.get("/api/v1/audit", headers=as_("operator")).json()["items"] == []


def test_scenes_are_listed_with_how_far_they_are_and_why_they_are_not(client: TestClient, folder: SceneFolder) -> None:
    folder.tell(
        {
            SceneName.HALT: SceneProgress(state=SceneState.ON, begins_at=NOON, ends_at=NOON),
            SceneName.HAND_BID: SceneProgress(state=SceneState.REFUSED, why=Words(ko="밤", en="night")),
        }
    )

    items = {one["name"]: one for one in client.get("/api/v1/scenes", headers=as_("operator")).json()["items"]}

    assert set(items) == set(SceneName)
    assert (items["halt"]["state"], items["halt"]["begins_at"]) == ("on", "2026-05-20T03:00:00Z")
    assert (items["hand-bid"]["state"], items["hand-bid"]["why"]) == ("refused", {"ko": "밤", "en": "night"})
    assert (items["cloud-front"]["state"], items["cloud-front"]["why"]) == ("ready", None)


def test_a_folder_that_takes_nothing_leaves_no_trace(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "scenes").write_text("in the way")

    answer = client.post(HALT, headers=as_("operator"))

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert client.get("/api/v1/audit", headers=as_("operator")).json()["items"] == []


@pytest.mark.parametrize("who", ["hanbit", "planner"])
def test_nobody_else_sees_or_starts_scenes(client: TestClient, folder: SceneFolder, who: str) -> None:
    codes = [client.get("/api/v1/scenes", headers=as_(who)), client.post(HALT, headers=as_(who))]

    assert [answer.status_code for answer in codes] == [403, 403]
    assert folder.asked() == []


def test_a_scene_that_there_is_not_is_not_found(client: TestClient) -> None:
    assert client.post("/api/v1/scenes/opera", headers=as_("operator")).status_code == 404


def test_a_real_deployment_knows_of_no_scenes(bench: ApiBench) -> None:
    with bench.client("operator") as client:
        codes = [client.get("/api/v1/scenes").status_code, client.post(HALT).status_code]
        described = client.get("/openapi.json").json()["paths"]

    assert codes == [404, 404]
    assert not [path for path in described if "scenes" in path]
