"""Who stages the demo's scenes: takes what is asked for, does each deed when its time has come, tells how far it is.

All deeds go where people's and nature's go: calls of the trading API with the demo's own keys, and what the simulated
devices are asked for. What the services see of a scene is what they would see of the real thing.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.api_calls import ApiRefused, ApiSilent, call
from cli.deployment import Plan
from cli.prepare import key_of
from services.fems.simulator.conditions import FILE_NAME as CONDITIONS
from services.fems.simulator.conditions import RequestedConditions, RequestedFront, RequestedStep
from services.fems.simulator.faults import FILE_NAME as FAULTS
from services.fems.simulator.faults import RequestedFault, RequestedFaults
from services.fems.simulator.request_file import change_requested
from shared.clock import Clock
from shared.complex.model import Complex
from shared.scenes import SceneFolder, SceneName, SceneProgress, SceneState, Words


class NotNow(Exception):  # noqa: N818 -- it says what happened
    """A scene can't be staged as things are."""

    def __init__(self, *, ko: str, en: str) -> None:
        super().__init__(en)
        self.why = Words(ko=ko, en=en)


@dataclass(frozen=True)
class Crew:
    """What a scene is made with: the complex, people's calls, and the simulated field."""

    complex_: Complex
    plan: Plan

    def operator(self, method: str, path: str, body: object = None) -> Any:
        """Call the trading API as the operator."""
        return self._call(method, path, body, role="operator", participant_id=None)

    def factory(self, participant_id: str, method: str, path: str, body: object = None) -> Any:
        """Call the trading API as a factory."""
        return self._call(method, path, body, role="factory", participant_id=participant_id)

    def bring(self, front: RequestedFront) -> None:
        """Let clouds come."""
        self._change_conditions(lambda asked: {"cloud_fronts": _with(asked.cloud_fronts, front)})

    def add(self, step: RequestedStep) -> None:
        """Let a factory draw more."""
        self._change_conditions(lambda asked: {"load_steps": _with(asked.load_steps, step)})

    def spoil(self, fault: RequestedFault) -> None:
        """Let a device fail."""

        def changed(asked: RequestedFaults) -> RequestedFaults:
            return RequestedFaults(faults=_with(asked.faults, fault))

        change_requested(self._field / FAULTS, RequestedFaults, changed)

    def _change_conditions(self, change: Callable[[RequestedConditions], Mapping[str, object]]) -> None:
        change_requested(
            self._field / CONDITIONS, RequestedConditions, lambda asked: asked.model_copy(update=dict(change(asked)))
        )

    def _call(self, method: str, path: str, body: object, *, role: str, participant_id: str | None) -> Any:
        keys, complex_id = self.plan.keys_file, self.complex_.complex_id
        key = key_of(keys, role=role, complex_id=complex_id, participant_id=participant_id)
        return call(self.plan.console_url, key, method, path, body)

    @property
    def _field(self) -> Path:
        return self.plan.folder / "field" / self.complex_.complex_id


def _with(listed: tuple[Any, ...], one: Any) -> tuple[Any, ...]:
    """Add what is not there yet: a deed that is done again changes nothing."""
    return listed if one in listed else (*listed, one)


@dataclass(frozen=True)
class Cue:
    """A deed and its time; whoever is kept from it does it again, so that doing it twice must be doing it once."""

    at: datetime
    do: Callable[[], object]


@dataclass
class Script:
    """A scene from its first deed to its end, its cues in the order of time."""

    begins_at: datetime
    ends_at: datetime
    cues: list[Cue]
    state: SceneState = SceneState.TO_COME

    @property
    def progress(self) -> SceneProgress:
        """Return how far it is."""
        return SceneProgress(state=self.state, begins_at=self.begins_at, ends_at=self.ends_at)


Write = Callable[[SceneName, datetime], Script]


@dataclass
class Director:
    """Stages the scenes of one demo.

    Args:
        folder: Where they are asked for and told of.
        clock: The market's.
        write: Returns a scene's script as of an instant; raises NotNow, or what calls raise.
    """

    folder: SceneFolder
    clock: Clock
    write: Write
    _scripts: dict[SceneName, Script] = field(default_factory=dict)
    _told: dict[SceneName, SceneProgress] = field(default_factory=dict)

    def look(self) -> None:
        """Do what is due; what can't be done now is tried at the next look."""
        now = self.clock.now()
        asked = self.folder.asked()
        told = {
            name: progress for name in (*asked, *self._scripts) if (progress := self._attempt(name, now)) is not None
        }
        if asked or told.items() - self._told.items():
            with suppress(OSError):
                self.folder.tell(self._told | told, taken=[name for name in asked if name in told])
                self._told |= told

    def _attempt(self, name: SceneName, now: datetime) -> SceneProgress | None:
        """Return how far a scene is after what could be done for it; None where it could not even begin."""
        try:
            if name not in self._scripts:
                self._scripts[name] = self.write(name, now)
            return self._going_on(name, now)
        except (ApiSilent, OSError):
            return self._scripts[name].progress if name in self._scripts else None
        except NotNow as reason:
            why = reason.why
        except ApiRefused as problem:
            why = Words(ko=f"거래소가 거부했습니다: {problem.detail}", en=f"The exchange refused: {problem.detail}")
        self._scripts.pop(name, None)
        return SceneProgress(state=SceneState.REFUSED, why=why)

    def _going_on(self, name: SceneName, now: datetime) -> SceneProgress:
        script = self._scripts[name]
        while script.cues and script.cues[0].at <= now:
            script.cues[0].do()
            script.cues.pop(0)
        script.state = SceneState.TO_COME if now < script.begins_at else SceneState.ON
        if now >= script.ends_at and not script.cues:
            script.state = SceneState.OVER
            del self._scripts[name]
        return script.progress
