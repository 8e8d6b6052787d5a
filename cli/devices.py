"""`sandan devices`: what is in the field, what a device says, simulated or real, and how a simulated one fails."""

import asyncio
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.energy import energy
from cli.output import EXIT_WRONG_ANSWER, ComplexFile, Pretty, print_answer
from shared.errors import BadInput, did_you_mean
from shared.paths import DEMO_COMPLEX, DEPLOYMENTS

if TYPE_CHECKING:
    from services.fems.domain.registers.points import Shown
    from services.fems.gateway.modbus import Line
    from services.fems.gateway.survey import Surveyed
    from shared.complex.model import Address, Complex
    from shared.complex.register_maps import RegisterMap

UNITS_MAX, UNIT_ID_LAST = 247, 255
PORT_MAX = 65_535
NO_FAULT = "none"
MINUTES_MAX = 525_600
T = TypeVar("T")

devices = typer.Typer(
    no_args_is_help=True, help="Devices in the field: list, scan, read. / 현장 장치: 목록, 탐색, 읽기."
)

devices.command()(energy)

Where = Annotated[str, typer.Argument(metavar="HOST:PORT", help="A Modbus TCP address. / Modbus TCP 주소.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for an answer. / 응답 대기 시간(초).")]


@devices.command("list")
def list_(
    complex_files: Annotated[
        list[Path] | None, typer.Option("--complex", help="Complex file; default: the demo's. / 산단 파일.")
    ] = None,
    *,
    probe: Annotated[bool, typer.Option("--probe", help="Ask each whether it answers. / 응답 여부 확인.")] = False,
    wait_s: Wait = 1.0,
    pretty: Pretty = False,
) -> None:
    """List the devices of complex files; with --probe exit 1 where one does not answer. / 장치를 나열합니다.

    Example: sandan devices list
    """
    from shared.complex.model import load_complex

    complexes = [load_complex(path) for path in complex_files or [DEMO_COMPLEX]]
    states = asyncio.run(_probed(complexes, _answer_wait(wait_s))) if probe else {}
    listed = [
        {
            "complex_id": complex_.complex_id,
            "device_id": device.device_id,
            "participant_id": device.participant_id,
            "kind": device.kind.value,
            "address": str(device.address),
            "unit_id": device.unit_id,
            "register_map": None if device.register_map is None else device.register_map.title,
            **states.get((complex_.complex_id, device.device_id), {}),
        }
        for complex_ in complexes
        for device in complex_.field_devices
    ]
    print_answer({"devices": listed}, pretty=pretty)
    if not all(one.get("answers", True) for one in listed):
        raise typer.Exit(EXIT_WRONG_ANSWER)


@devices.command()
def scan(
    where: Where,
    units: Annotated[str, typer.Option(help="Unit ids to ask, such as 1-16 or 1,5,7. / 유닛 번호.")] = "1-10",
    *,
    wait_s: Wait = 1.0,
    pretty: Pretty = False,
) -> None:
    """Find the SunSpec devices at an address and their models; exit 1 where there is none. / SunSpec 장치를 찾습니다.

    Needs a device that answers there: a real one, or the simulated ones of a running demo. / 그 주소에서 응답하는
    장치가 필요합니다(실제 장치 또는 실행 중인 데모의 가상 장치).

    Example: sandan devices scan 127.0.0.1:15502 --units 1-16
    """
    address, wanted = parse_address(where), parse_units(units)

    async def ask(line: "Line") -> list["Surveyed"]:
        from services.fems.gateway.survey import survey

        answers = []
        for position, unit_id in enumerate(wanted, start=1):
            _say(f"unit {unit_id} ({position} of {len(wanted)})")
            answers.append(await survey(line, unit_id))
        return answers

    answers = _on_line(address, _answer_wait(wait_s), ask)
    found = [_found(answer) for answer in answers if answer.reason is None]
    silent = [{"unit_id": answer.unit_id, "reason": answer.reason} for answer in answers if answer.reason is not None]
    print_answer({"address": str(address), "units": found, "silent": silent}, pretty=pretty)
    if not found:
        raise typer.Exit(EXIT_WRONG_ANSWER)


@devices.command()
def read(
    where: Where,
    unit_id: Annotated[int, typer.Option("--unit", min=0, max=UNIT_ID_LAST, help="Unit id. / 유닛 번호.")] = 1,
    model_ids: Annotated[
        list[int] | None, typer.Option("--model", help="Model to read; default: all that are known. / 모델 번호.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Register map of a meter without SunSpec models. / 레지스터 맵 파일.")
    ] = None,
    *,
    wait_s: Wait = 1.0,
    pretty: Pretty = False,
) -> None:
    """Read a device's points in their stated scale; exit 1 where one holds nonsense. / 장치의 측정값을 읽습니다.

    Needs a device that answers there: a real one, or the simulated ones of a running demo. / 그 주소에서 응답하는
    장치가 필요합니다(실제 장치 또는 실행 중인 데모의 가상 장치).

    Example: sandan devices read 127.0.0.1:15502 --unit 3 --model 802 --pretty
    """
    address = parse_address(where)
    answer_wait_s = _answer_wait(wait_s)
    if map_file is not None:
        from shared.complex.register_maps import load_register_map

        _read_by_map(address, unit_id, answer_wait_s, load_register_map(map_file), pretty=pretty)
        return

    async def ask(line: "Line") -> "tuple[Surveyed, dict[int, list[Shown]]]":
        from services.fems.domain.registers.sunspec import NotReadable
        from services.fems.gateway.survey import read_models, survey

        device = await survey(line, unit_id)
        try:
            return device, await read_models(line, device, model_ids or device.models)
        except NotReadable as fault:
            return replace(device, reason=str(fault)), {}

    found, told = _on_line(address, answer_wait_s, ask)
    answer: dict[str, Any] = {"address": str(address), "unit_id": unit_id}
    if found.reason is not None:
        print_answer({**answer, "models": [], "reason": found.reason}, pretty=pretty)
        raise typer.Exit(EXIT_WRONG_ANSWER)
    missing = [model_id for model_id in model_ids or () if model_id not in told]
    models = [
        {**_model(model_id, found.models[model_id]), "points": {point.name: _point(point) for point in points}}
        for model_id, points in told.items()
    ]
    print_answer({**answer, **found.plate, "models": models, "missing_models": missing}, pretty=pretty)
    if missing or any(point.problem for points in told.values() for point in points):
        raise typer.Exit(EXIT_WRONG_ANSWER)


@devices.command()
def fault(
    device_id: Annotated[str, typer.Argument(help="A simulated device's id. / 가상 장치 번호.")],
    kind: Annotated[str, typer.Argument(help="silent, slow, stuck, ...; none ends its faults. / 고장 종류.")],
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", help="How long, by the deployment's clock; without it: for good. / 지속 시간(분)."),
    ] = None,
    amount: Annotated[int | None, typer.Option(help="Seconds, Wh or power of ten, by kind. / 크기.")] = None,
    folder: Annotated[Path, typer.Option(help="The deployment's folder. / 배포 폴더.")] = DEPLOYMENTS / "demo-8000",
    complex_file: ComplexFile = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Let a simulated device fail from now on, as a real one might. / 가상 장치에 고장을 일으킵니다.

    Needs a running demo. / 실행 중인 데모가 필요합니다.

    Example: sandan devices fault hanbit-roof silent --minutes 30 --folder var/demo-8000
    """
    from services.fems.domain.simulated.faults import FaultKind
    from services.fems.simulator.faults import FILE_NAME, RequestedFault, RequestedFaults
    from services.fems.simulator.request_file import change_requested
    from shared.clock import clock_from
    from shared.complex.model import load_complex

    if not (folder / "field").is_dir():
        rule = "must be the folder of a deployment with simulated devices"
        raise BadInput(where="command line", field="--folder", rule=rule, value=str(folder))
    own = folder / "complex.yaml"
    complex_ = load_complex(complex_file or (own if own.exists() else DEMO_COMPLEX))
    known = [device.device_id for device in complex_.field_devices]
    if device_id not in known:
        rule, hint = f"must be one of {known}", did_you_mean(device_id, known)
        raise BadInput(where="command line", field="DEVICE_ID", rule=rule, value=device_id, hint=hint)
    kinds = [one.value for one in FaultKind]
    if kind not in (*kinds, NO_FAULT):
        rule, hint = f"must be one of {[*kinds, NO_FAULT]}", did_you_mean(kind, [*kinds, NO_FAULT])
        raise BadInput(where="command line", field="KIND", rule=rule, value=kind, hint=hint)
    if minutes is not None and not 0 < minutes <= MINUTES_MAX:
        raise BadInput(where="command line", field="--minutes", rule=f"must be in (0, {MINUTES_MAX}]", value=minutes)
    clock_file = folder / "clock.json"
    now = clock_from(clock_file if clock_file.exists() else None).now()
    path = folder / "field" / complex_.complex_id / FILE_NAME

    def changed(asked: RequestedFaults) -> RequestedFaults:
        if kind == NO_FAULT:
            return RequestedFaults(faults=tuple(one for one in asked.faults if one.device_id != device_id))
        until = None if minutes is None else now + timedelta(minutes=minutes)
        one = RequestedFault(device_id=device_id, kind=FaultKind(kind), since=now, until=until, amount=amount)
        return RequestedFaults(faults=(*asked.faults, one))

    requested = change_requested(path, RequestedFaults, changed)
    print_answer({"file": str(path), **requested.model_dump(mode="json")}, pretty=pretty)


def _read_by_map(address: "Address", unit_id: int, answer_wait_s: float, map_: "RegisterMap", *, pretty: bool) -> None:
    from services.fems.domain.registers.sunspec import NotReadable
    from services.fems.gateway.poller import live_by_map

    answer: dict[str, Any] = {"address": str(address), "unit_id": unit_id, "map": map_.title}
    try:
        live = _on_line(address, answer_wait_s, lambda line: live_by_map(line, unit_id, map_))
    except NotReadable as fault:
        print_answer({**answer, "reason": str(fault)}, pretty=pretty)
        raise typer.Exit(EXIT_WRONG_ANSWER) from None
    counters = live.counters
    told = {"import_w": live.import_w, "export_w": live.export_w}
    told |= {} if counters is None else {"import_wh": counters.import_wh, "export_wh": counters.export_wh}
    print_answer(answer | told, pretty=pretty)


def parse_address(text: str) -> "Address":
    """Return HOST:PORT; an IPv6 host may stand in brackets."""
    from shared.complex.model import Address

    host, _, port = text.rpartition(":")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) <= PORT_MAX:
        raise BadInput(where="command line", field="HOST:PORT", rule="must be host:port, port 1 to 65535", value=text)
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def parse_units(text: str) -> list[int]:
    """Return unit ids from numbers and ranges, ascending."""
    found: set[int] = set()
    for part in text.split(","):
        ends = re.fullmatch(r"\s*([0-9]{1,3})(?:-([0-9]{1,3}))?\s*", part)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0)
        if not 1 <= first <= last <= UNITS_MAX:
            rule = f"must be numbers and ranges from 1 to {UNITS_MAX}, such as 1-16 or 1,5,7"
            raise BadInput(where="command line", field="--units", rule=rule, value=text)
        found.update(range(first, last + 1))
    return sorted(found)


def _answer_wait(wait_s: float) -> float:
    if not 0 < wait_s <= 60:  # noqa: PLR2004 -- a minute is more than any device takes
        raise BadInput(where="command line", field="--wait", rule="must be in (0, 60] s", value=wait_s)
    return wait_s


def _on_line(address: "Address", answer_wait_s: float, ask: "Callable[[Line], Awaitable[T]]") -> T:
    """Ask over one connection; an address where nothing listens is bad input."""
    from services.fems.gateway.connection import Connection, NoAnswer, NoConnection
    from services.fems.gateway.modbus import Line
    from shared.complex.model import LineSettings

    async def asked() -> T:
        line = Line(Connection(address, LineSettings(answer_within_s=answer_wait_s)))
        try:
            return await ask(line)
        except NoConnection:
            rule = "must be an address where a Modbus TCP device listens"
            raise BadInput(where="command line", field="HOST:PORT", rule=rule, value=str(address)) from None
        except NoAnswer as fault:
            rule = "must go on answering"
            raise BadInput(where=str(address), field="device", rule=rule, value=str(fault)) from None
        finally:
            line.close()

    with _saying_nothing("pymodbus", "services.fems"):
        return asyncio.run(asked())


@contextmanager
def _saying_nothing(*loggers: str) -> Iterator[None]:
    """Keep what a verb says itself from being said by logs as well, for as long as it lasts."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


async def _probed(complexes: "list[Complex]", answer_wait_s: float) -> dict[tuple[str, str], dict[str, Any]]:
    """Ask every device whether it answers, an address at a time: a connection is held for no longer than it is used."""
    from services.fems.gateway.connection import Connection, NoConnection
    from services.fems.gateway.modbus import Line
    from services.fems.gateway.survey import survey

    states: dict[tuple[str, str], dict[str, Any]] = {}
    for complex_ in complexes:
        for address, behind in complex_.devices_by_address.items():
            settings = complex_.line_settings(address)
            wait_s = max(answer_wait_s, settings.answer_within_s)
            line = Line(Connection(address, replace(settings, answer_within_s=wait_s)))
            for device in behind:
                try:
                    reason = (await survey(line, device.unit_id)).reason
                except NoConnection as fault:
                    reason = str(fault)
                states[complex_.complex_id, device.device_id] = {"answers": reason is None, "reason": reason}
            line.close()
    return states


def _found(found: "Surveyed") -> dict[str, Any]:
    models = [_model(model_id, address) for model_id, address in found.models.items()]
    return {"unit_id": found.unit_id, **found.plate, "models": models}


def _model(model_id: int, address: int) -> dict[str, Any]:
    from services.fems.domain.registers.sunspec import is_known, model

    return {"model_id": model_id, "label": model(model_id).label if is_known(model_id) else None, "address": address}


def _point(one: "Shown") -> dict[str, Any]:
    told: dict[str, Any] = {"value": one.number, "unit": one.unit, "symbol": one.symbol, "problem": one.problem}
    return {name: fact for name, fact in told.items() if name == "value" or fact}


def _say(message: str) -> None:
    sys.stderr.write(f"{message}\n")
