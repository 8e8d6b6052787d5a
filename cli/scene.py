"""`sandan scene`: let something happen in a running demo, as the buttons on its console do."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.keys import DEFAULT_PORT
from cli.language import Language, language
from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer
from shared.errors import BadInput, did_you_mean
from shared.paths import DEPLOYMENTS

if TYPE_CHECKING:
    from shared.scenes import SceneName, Words

NOT_RUNNING = "must be the port of a running demo"


def scene(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The scene; see --list. / 장면 이름.")] = None,
    *,
    list_: Annotated[
        bool, typer.Option("--list", help="Say what there is, what to watch and where. / 장면과 볼 곳을 나열.")
    ] = False,
    port: Annotated[int, typer.Option(help="The demo's port. / 데모의 포트.")] = DEFAULT_PORT,
    pretty: Pretty = False,
) -> None:
    """Start a scene in a running demo, or say how far each is. / 데모의 장면을 시작하거나 진행 상태를 알려 줍니다.

    Scenes: cloud-front, avoided-peak, silent-meter, full-feeder, halt, hand-bid. They change the simulated field, or
    call the exchange as people would; the books balance with them as without. Exit 1 where one is on already. / 장면:
    cloud-front, avoided-peak, silent-meter, full-feeder, halt, hand-bid. 가상 현장을 바꾸거나 사람처럼 거래소를
    호출하며, 장부는 그대로 맞습니다. 이미 진행 중이면 1로 끝납니다.

    Needs a running demo, except for --list. / --list 외에는 실행 중인 데모가 필요합니다.

    Example: sandan scene cloud-front
    """
    from shared.scenes import SceneName

    if list_:
        print_answer({"scenes": [_listed(one) for one in SceneName]}, pretty=pretty)
        return
    if name is None:
        print_answer({"scenes": _told(_called(port, "GET", "scenes")["items"])}, pretty=pretty)
        return
    if name not in set(SceneName):
        names = [one.value for one in SceneName]
        rule, hint = f"must be one of {', '.join(names)}", did_you_mean(name, names)
        raise BadInput(where="command line", field="NAME", rule=rule, value=name, hint=hint)
    from cli.api_calls import ApiRefused

    try:
        answer = _called(port, "POST", f"scenes/{name}")
    except ApiRefused as problem:
        print_answer({"scene": name, "started": False, "why": problem.detail}, pretty=pretty)
        raise typer.Exit(EXIT_WRONG_ANSWER) from None
    print_answer({**_listed(SceneName(name)), "started": True, "state": answer["state"]}, pretty=pretty)


def _called(port: int, method: str, path: str) -> Any:
    """Call the demo's API as its operator.

    Raises:
        ApiRefused: The scene is on already.
        BadInput: No demo runs there.
    """
    from cli.api_calls import ApiRefused, ApiSilent, call

    no_demo = BadInput(where="command line", field="--port", rule=NOT_RUNNING, value=port)
    try:
        return call(f"http://127.0.0.1:{port}/", _operators_key(port), method, path)
    except ApiSilent:
        raise no_demo from None
    except ApiRefused as problem:
        if problem.code == "scene_busy":
            raise
        raise no_demo from None


def _told(scenes: Iterable[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Return how far scenes are, without those fields that say nothing."""
    told: list[dict[str, object]] = []
    for one in scenes:
        why = None if one["why"] is None else one["why"][language().value]
        progress = {"begins_at": one["begins_at"], "ends_at": one["ends_at"], "why": why}
        known = {name: fact for name, fact in progress.items() if fact is not None}
        told.append({"scene": one["name"], "state": one["state"], **known})
    return told


def _listed(name: "SceneName") -> dict[str, str]:
    from shared.scenes import SCENES

    scene_ = SCENES[name]
    return {"scene": name.value, "title": _said(scene_.title), "watch": _said(scene_.watch), "panel": scene_.panel}


def _said(words: "Words") -> str:
    return words.ko if language() is Language.KO else words.en


def _operators_key(port: int) -> str:
    from cli.keys import KEYS_FILE, doors

    keys_file: Path = DEPLOYMENTS / f"demo-{port}" / KEYS_FILE
    if not keys_file.is_file():
        raise BadInput(where="command line", field="--port", rule=NOT_RUNNING, value=port)
    return next(door.key for door in doors(keys_file, "", roles={"operator"}, once=True))
