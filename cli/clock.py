"""`sandan clock`: what a deployment's processes think of their clock, and a person's word that it is right."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Pretty, print_answer
from shared.errors import BadInput

clock = typer.Typer(no_args_is_help=True, help="The clock that everything goes by. / 모든 절차의 기준 시계.")


@clock.callback()
def _clock() -> None:
    """Keep a lone verb a verb."""


@clock.command()
def confirm(
    folder: Annotated[
        Path | None,
        typer.Option(
            help="The deployment's folder; without it: SANDAN_RUN_DIR, or that of `sandan up`."
            " / 배포 폴더. 없으면 SANDAN_RUN_DIR 또는 `sandan up`의 폴더."
        ),
    ] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Say that a clock that was stepped is right: the processes on this machine go on. / 바뀐 시계가 맞다고 확인합니다.

    Needs a running system: `sandan up` or `sandan demo`. / 실행 중인 시스템(`sandan up`, `sandan demo`)이 필요합니다.

    Example: sandan clock confirm
    """
    from cli.supervisor import Configuration
    from shared.clock import clock_from
    from shared.runtime.clock_guard import confirm as confirm_clock
    from shared.settings import DeploymentSettings, load

    settings = load(DeploymentSettings)
    run_dir, clock_file = settings.run_dir, settings.clock_file
    if folder is not None or "run_dir" not in settings.model_fields_set:
        folder = folder or Configuration().folder
        run_dir = folder / "run"
        clock_file = folder / "clock.json" if (folder / "clock.json").exists() else None
    if not run_dir.is_dir():
        raise BadInput(where="command line", field="--folder", rule="must be a deployment's folder", value=str(run_dir))
    print_answer({"confirmed": confirm_clock(clock_from(clock_file), run_dir).isoformat()}, pretty=pretty)
