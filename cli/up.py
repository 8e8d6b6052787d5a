"""`sandan up`, `status` and `down`: the same system on the wall clock, in the background."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer

Config = Annotated[Path | None, typer.Option(help="The configuration given to `sandan up`. / `sandan up`의 설정 파일.")]


def up(
    config: Annotated[Path | None, typer.Option(help="The configuration, a YAML file. / 설정 파일(YAML).")] = None,
    *,
    foreground: Annotated[bool, typer.Option(help="Stay here until Ctrl-C. / 포그라운드 실행.")] = False,
    pretty: Pretty = False,
) -> None:
    """Run the system on the wall clock, in the background. / 실시간 시계로 시스템을 백그라운드에서 시작합니다.

    The configuration has `complexes` (a list of complex files), `port`, `database_url`, `folder`, `simulated_devices`,
    `history_file` and `start_wait_s`; each has a default, and an unknown one is refused. / 설정 파일의 항목은
    `complexes`(산단 파일 목록), `port`, `database_url`, `folder`, `simulated_devices`, `history_file`,
    `start_wait_s`이며, 모두 기본값이 있고 모르는 항목은 거부합니다.

    Example: sandan up
    """
    from cli.processes import require_free_port
    from cli.supervisor import read_configuration, refuse_second, start_in_background, supervise

    configuration = read_configuration(config)
    folder = configuration.folder
    refuse_second(folder)
    require_free_port(configuration.port, setting="port")
    if foreground:
        supervise(configuration)
        return
    running = start_in_background(configuration, config)
    keys_file = folder / "keys.json"
    print_answer({"console": running.console, "broker": running.broker, "keys": str(keys_file)}, pretty=pretty)


def status(config: Config = None, *, pretty: Pretty = False) -> None:
    """Say which processes run and when each was last alive; exit 1 if one is not well. / 프로세스의 상태를 보여줍니다.

    Example: sandan status --pretty
    """
    from cli.running import running_in
    from cli.supervisor import read_configuration, state_of

    folder = read_configuration(config).folder
    found = running_in(folder)
    processes = {} if found is None else {name: state_of(folder, found, name) for name in found.processes}
    running = found is not None and found.supervisor.runs
    well = found is not None and running and found.ready and all(process["well"] for process in processes.values())
    answer = {"running": running, "well": well, "console": None if found is None else found.console}
    print_answer({**answer, "processes": processes}, pretty=pretty)
    if not well:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def down(config: Config = None, *, pretty: Pretty = False) -> None:
    """Stop the system; nothing is lost. / 시스템을 종료합니다. 잃는 것은 없습니다.

    Example: sandan down
    """
    from cli.running import forget_running, running_in
    from cli.supervisor import end, read_configuration

    folder = read_configuration(config).folder
    running = running_in(folder)
    left = {} if running is None else end(running)
    if running is not None and not left:
        # One that was killed did not take this away itself.
        forget_running(folder)
    print_answer({"stopped": running is not None and not left, "still_running": sorted(left)}, pretty=pretty)
    if left:
        sys.stderr.write("".join(f"{name} still runs: process {one.pid}\n" for name, one in sorted(left.items())))
        raise typer.Exit(EXIT_WRONG_ANSWER)
