"""The demo's scenes: what happens on request, what to watch then, and the folder by which they are asked for.

Whoever wants a scene leaves a file named after it in `asked`; the demo, which stages scenes, takes it away and writes
in `state.json` how far each is. So nobody writes what another one writes, and a real deployment has no such folder.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from shared import strict_json
from shared.errors import BadInput, BadInputs
from shared.files import read_file
from shared.validation import checked

BYTES_MAX = 100_000


class SceneName(StrEnum):
    """A scene."""

    CLOUD_FRONT = "cloud-front"
    AVOIDED_PEAK = "avoided-peak"
    SILENT_METER = "silent-meter"
    FULL_FEEDER = "full-feeder"
    HALT = "halt"
    HAND_BID = "hand-bid"


class SceneState(StrEnum):
    """How far a scene is."""

    READY = "ready"
    ASKED = "asked"
    TO_COME = "to_come"
    ON = "on"
    OVER = "over"
    REFUSED = "refused"


# In these it can't be asked for once more.
BUSY = frozenset({SceneState.ASKED, SceneState.TO_COME, SceneState.ON})


class _SceneRecord(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_SceneRecord):
    """A sentence in both languages."""

    ko: str
    en: str


class Scene(_SceneRecord):
    """What a scene is, for people.

    Args:
        title: What it is called.
        watch: What happens and what to watch.
        panel: Where on the console: the panel's class.
    """

    title: Words
    watch: Words
    panel: str


class SceneProgress(_SceneRecord):
    """How far a scene is, in market time; `why` says why it was refused or what came of it."""

    state: SceneState = SceneState.READY
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    why: Words | None = None


class AllScenes(_SceneRecord):
    """The state file: every scene that was ever asked for."""

    scenes: dict[SceneName, SceneProgress] = Field(default_factory=dict)


SCENES: Mapping[SceneName, Scene] = {
    SceneName.CLOUD_FRONT: Scene(
        title=Words(ko="구름 전선", en="A cloud front"),
        watch=Words(
            ko="정오 무렵 구름이 모든 지붕 위를 1시간 30분 동안 지나갑니다. '지금 전력 흐름'에서 태양광이 줄고, '전력 "
            "공급원'에서 계통 전력이 늘며, 예측이 따라잡으면 다음 경매 가격이 오릅니다.",
            en="About noon, clouds pass over all roofs for an hour and a half. In Power now the suns shrink, in Where "
            "the power comes from the grid fills in, and the next auctions get dearer once the forecasts have noticed.",
        ),
        panel="sources",
    ),
    SceneName.AVOIDED_PEAK: Scene(
        title=Words(ko="막아 낸 최대수요", en="An avoided peak"),
        watch=Words(
            ko="배터리가 가장 큰 공장이 두 시간 뒤의 추가 생산을 계획으로 알립니다. '배터리'에서 '최대수요 "
            "절감'과 함께 배터리가 방전하고, 공장의 수전은 지금까지의 최대수요 근처에 머뭅니다.",
            en="The factory with the largest battery states a batch that begins two hours from now. In "
            "Batteries its battery shaves the peak: it gives while the batch runs, and what the factory draws "
            "stays near the peak it had before.",
        ),
        panel="batteries",
    ),
    SceneName.SILENT_METER: Scene(
        title=Words(ko="무응답 계량기", en="A silent meter"),
        watch=Words(
            ko="한 공장의 수전 계량기가 45분 동안 응답하지 않습니다. '설비'에 무응답으로 나타나고 합계에서 "
            "빠지며 정산이 기다립니다. 돌아오면 계량기가 기억한 값으로 모든 구간이 정산됩니다.",
            en="A factory's grid meter answers nothing for 45 minutes. Devices names it, sums leave it out, and "
            "settlement waits. When it is back it tells what it remembers, and no interval is lost.",
        ),
        panel="flows",
    ),
    SceneName.FULL_FEEDER: Scene(
        title=Words(ko="꽉 찬 배전선로", en="A full feeder"),
        watch=Words(
            ko="한 배전선로의 공장들이 계약전력 가까이 돌리며 직접 전력을 사고, 다른 선로의 공장들은 줄 수 있는 "
            "만큼 모두 팝니다. '지금 전력 흐름'의 막대가 한도 가까이 차고, '경매'는 그 선로의 가격이 더 높다고 "
            "알리며, '주문'의 체결이 일부에 그칩니다.",
            en="The factories behind one feeder run near their contract power and buy by hand; those behind the "
            "others sell all that they can give. In Power now the feeder's gauge fills, Auctions names its "
            "dearer price, and in Orders some are filled in part.",
        ),
        panel="flows",
    ),
    SceneName.HALT: Scene(
        title=Words(ko="시장 중단", en="A halt"),
        watch=Words(
            ko="운영자가 시장을 45분 동안 중단합니다. 위쪽 시장 상태가 바뀌고, 그동안 마감되는 경매는 거래 없이 "
            "끝나며, 공장은 계통에서 전력을 받습니다. 재개 뒤의 첫 경매부터 다시 거래됩니다.",
            en="The operator halts the market for 45 minutes. The pill on top says so, auctions whose gate "
            "closes meanwhile trade nothing, and factories draw from the grid. The first gate after it trades "
            "again.",
        ),
        panel="prices",
    ),
    SceneName.HAND_BID: Scene(
        title=Words(ko="직접 입찰", en="A bid by hand"),
        watch=Words(
            ko="한 공장이 낮 시간의 한 구간에 마지막 가격보다 높은 값과 낮은 값으로 직접 매수 주문을 냅니다. "
            "'주문'에서 접수, 호가 등록을 거쳐 마감 뒤 높은 주문은 체결되고 낮은 주문은 체결되지 않습니다.",
            en="A factory bids by hand for an interval by day, once above and once below the last price. In "
            "Orders both are received and enter the book; at the gate the higher one is filled and the lower "
            "one is not.",
        ),
        panel="orders",
    ),
}


class SceneFolder:
    """The folder by which scenes are asked for and told of."""

    def __init__(self, folder: Path) -> None:
        self._asked = folder / "asked"
        self._state = folder / "state.json"

    def ask(self, name: SceneName) -> None:
        """Ask for a scene; twice is once.

        Raises:
            OSError: The folder takes no file.
        """
        self._asked.mkdir(parents=True, exist_ok=True)
        (self._asked / name).touch()

    def asked(self) -> list[SceneName]:
        """Return the scenes that are asked for."""
        return [name for name in SceneName if (self._asked / name).exists()]

    def tell(self, scenes: Mapping[SceneName, SceneProgress], taken: Iterable[SceneName] = ()) -> None:
        """Write how far all scenes are, in one step; those that were taken up are no longer asked for."""
        self._state.parent.mkdir(parents=True, exist_ok=True)
        draft = self._state.with_suffix(".draft")
        draft.write_text(AllScenes(scenes=dict(scenes)).model_dump_json(indent=1) + "\n", encoding="utf-8")
        draft.replace(self._state)
        for name in taken:
            (self._asked / name).unlink(missing_ok=True)

    def progress(self) -> dict[SceneName, SceneProgress]:
        """Return how far each scene is."""
        told: Mapping[SceneName, SceneProgress] = {}
        with suppress(FileNotFoundError, BadInput, BadInputs):
            content = strict_json.parse(
                read_file(self._state, bytes_max=BYTES_MAX), where=str(self._state), exact=False
            )
            told = checked(AllScenes, content, where=str(self._state)).scenes
        found = {name: told.get(name, SceneProgress()) for name in SceneName}
        asked = {name: SceneProgress(state=SceneState.ASKED) for name in self.asked() if found[name].state not in BUSY}
        return found | asked
