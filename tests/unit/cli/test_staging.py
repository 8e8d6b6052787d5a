"""Who stages the demo's scenes: each deed in its time, once, and again where it could not be done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.api_calls import ApiRefused, ApiSilent
from cli.staging import Cue, Director, NotNow, Script
from shared.scenes import SceneFolder, SceneName, SceneProgress, SceneState, Words
from simulation.clock import ManualClock

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Theatre:
    """A director with one script, and what was done so far."""

    folder: SceneFolder
    done: list[str] = field(default_factory=list)
    # What keeps a deed, or the script, from being done; each is raised once.
    in_the_way: list[Exception] = field(default_factory=list)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))

    def __post_init__(self) -> None:
        self.director = Director(self.folder, self.clock, self.script)

    def script(self, name: SceneName, now: datetime) -> Script:
        if self.in_the_way and isinstance(self.in_the_way[0], NotNow):
            raise self.in_the_way.pop()
        cues = [Cue(now + HOUR, self.doing(f"{name} on")), Cue(now + 2 * HOUR, self.doing(f"{name} off"))]
        return Script(now + HOUR, now + 2 * HOUR, cues)

    def doing(self, what: str) -> Callable[[], None]:
        def do() -> None:
            if self.in_the_way:
                raise self.in_the_way.pop()
            self.done.append(what)

        return do

    def look(self, after: timedelta = timedelta()) -> SceneProgress:
        self.clock.advance(after)
        self.director.look()
        return self.folder.progress()[SceneName.HALT]


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    theatre = Theatre(SceneFolder(tmp_path))
    theatre.folder.ask(SceneName.HALT)
    return theatre


def test_a_scene_goes_from_its_first_deed_to_its_end(theatre: Theatre) -> None:
    seen = [(theatre.look(after).state, list(theatre.done)) for after in (timedelta(), HOUR, HOUR)]

    assert seen == [("to_come", []), ("on", ["halt on"]), ("over", ["halt on", "halt off"])]
    assert theatre.look(HOUR) == SceneProgress(state=SceneState.OVER, begins_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    assert theatre.done == ["halt on", "halt off"]


def test_a_deed_that_gets_no_answer_is_done_at_the_next_look(theatre: Theatre) -> None:
    theatre.look()
    theatre.in_the_way = [ApiSilent("starting again")]

    kept_from, then = theatre.look(HOUR), theatre.look()

    assert (kept_from.state, then.state) == ("to_come", "on")
    assert theatre.done == ["halt on"]


def test_a_scene_is_not_over_before_its_last_deed_is_done(theatre: Theatre) -> None:
    theatre.look()
    theatre.look(HOUR)
    theatre.in_the_way = [OSError("disk full")]

    kept_from, then = theatre.look(HOUR), theatre.look()

    assert (kept_from.state, then.state) == ("on", "over")
    assert theatre.done == ["halt on", "halt off"]


def test_what_the_exchange_refuses_ends_the_scene_with_its_words(theatre: Theatre) -> None:
    theatre.look()
    theatre.in_the_way = [ApiRefused(409, "gate_closed", "The book closed.")]

    refused = theatre.look(HOUR)

    assert refused.state == "refused"
    assert refused.why is not None
    assert refused.why.en == "The exchange refused: The book closed."
    assert theatre.look(HOUR) == refused
    assert theatre.done == []


def test_a_scene_that_can_not_be_staged_says_why_and_may_be_asked_for_again(theatre: Theatre) -> None:
    theatre.in_the_way = [NotNow(ko="밤입니다.", en="It is night.")]
    refused = theatre.look()

    theatre.folder.ask(SceneName.HALT)

    assert refused == SceneProgress(state=SceneState.REFUSED, why=Words(ko="밤입니다.", en="It is night."))
    assert theatre.look().state == "to_come"


def test_asking_for_a_scene_that_is_on_changes_nothing(theatre: Theatre) -> None:
    theatre.look()
    theatre.folder.ask(SceneName.HALT)

    on = theatre.look(HOUR)

    assert (on.state, on.begins_at, theatre.done) == ("on", NOON + HOUR, ["halt on"])
    assert theatre.folder.asked() == []
