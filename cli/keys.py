"""`sandan keys`: the API keys of a deployment on this machine, each with its link to the console."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Pretty, print_answer
from shared.errors import BadInput, did_you_mean
from shared.paths import DEPLOYMENTS

# What each role can do on the console, in a line for people.
HINTS = {
    "operator": "see the whole complex, halt and resume, change the speed / 단지 전체 보기, 시장 중단·재개, 배속 변경",
    "planner": "see energy and plans, ask for what-if studies / 에너지와 계획 보기, 시나리오 검토 요청",
    "factory": "see your own factory, place and take back orders / 우리 공장 보기, 주문 제출·취소",
}
KEYS_FILE = "keys.json"
DEFAULT_PORT = 8000


@dataclass(frozen=True)
class Door:
    """A key with what it opens."""

    role: str
    complex_id: str
    participant_id: str | None
    name: str
    key: str
    link: str

    @property
    def hint(self) -> str:
        """Return what to do there."""
        whose = f"{self.name}: " if self.participant_id else ""
        return whose + HINTS[self.role]


def doors(keys_file: Path, console_url: str, *, roles: Collection[str], once: bool = False) -> Iterator[Door]:
    """Yield a deployment's keys of some roles, of each role the first alone if wanted once."""
    shown: set[str] = set()
    for entry in json.loads(keys_file.read_text(encoding="utf-8")):
        role = entry["role"]
        if role in roles and not (once and role in shown):
            shown.add(role)
            yield Door(
                role=role,
                complex_id=entry["complex_id"],
                participant_id=entry["participant_id"],
                name=entry["name"],
                key=entry["key"],
                link=f"{console_url}#key={entry['key']}",
            )


def keys(
    folder: Annotated[
        Path | None,
        typer.Option(help="The deployment's folder; without it the newest. / 배포 폴더. 없으면 가장 최근의 것."),
    ] = None,
    role: Annotated[str | None, typer.Option(help="operator, planner or factory. / 역할.")] = None,
    participant: Annotated[str | None, typer.Option("--as", help="A factory's id. / 공장 식별자.")] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Show the API keys that a deployment on this machine began with, with links. / 배포의 API 키와 링크를 보여줍니다.

    Needs a deployment on this machine: `sandan up` or `sandan demo`. / 이 컴퓨터의 배포(`sandan up`, `sandan demo`)가
    필요합니다.

    Example: sandan keys --role factory --pretty
    """
    folder = folder or _newest()
    keys_file = folder / KEYS_FILE
    if not keys_file.is_file():
        raise BadInput(where="command line", field="--folder", rule="must be a deployment's folder", value=str(folder))
    if role is not None and role not in HINTS:
        hint = did_you_mean(role, HINTS)
        rule = f"must be one of {', '.join(HINTS)}"
        raise BadInput(where="command line", field="--role", rule=rule, value=role, hint=hint)
    listed = list(doors(keys_file, _console_of(folder), roles={role} if role else HINTS))
    if participant is not None:
        known = [door.participant_id for door in listed if door.participant_id]
        listed = [door for door in listed if door.participant_id == participant]
        if not listed:
            rule, hint = "must name a participant of the deployment", did_you_mean(participant, known)
            raise BadInput(where="command line", field="--as", rule=rule, value=participant, hint=hint)
    print_answer({"folder": str(folder), "keys": [_shown(door) for door in listed]}, pretty=pretty)


def _shown(door: Door) -> dict[str, str | None]:
    return {
        "role": door.role,
        "complex_id": door.complex_id,
        "participant_id": door.participant_id,
        "name": door.name,
        "key": door.key,
        "link": door.link,
    }


def _console_of(folder: Path) -> str:
    """Return where a deployment's console is: a running one says it, a demo's folder is named by its port."""
    from cli.running import running_in

    running = running_in(folder)
    if running is not None:
        return running.console
    port = folder.name.removeprefix("demo-")
    return f"http://127.0.0.1:{port if port.isdigit() else DEFAULT_PORT}/"


def _newest() -> Path:
    """Return the folder of the deployment that was started last."""
    made = sorted(DEPLOYMENTS.glob(f"*/{KEYS_FILE}"), key=lambda path: path.stat().st_mtime)
    if not made:
        rule = "must name a deployment's folder; none was started on this machine"
        raise BadInput(where="command line", field="--folder", rule=rule, value="", hint="sandan demo")
    return made[-1].parent
