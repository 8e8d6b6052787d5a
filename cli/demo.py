"""`sandan demo`: a whole trading day of the demo complex."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer

StartLimit = Annotated[
    float | None,
    typer.Option(
        "--start-wait",
        min=0.1,
        help="Seconds a start may take; without it: while it lives. / 시작에 허용할 시간(초). 없으면 살아 있는 동안.",
    ),
]


def demo(
    factories: Annotated[int, typer.Option(help="How many factories, to 1,000. / 공장 수(최대 1,000).")] = 12,
    day: Annotated[str, typer.Option(help="The Korean day to trade. / 거래일.")] = "2026-05-20",
    days: Annotated[int, typer.Option(help="How many days from then on. / 거래일 수.")] = 1,
    speed: Annotated[float, typer.Option(help="Simulated seconds a second. / 배속.")] = 60,
    after_speed: Annotated[
        float | None,
        typer.Option(help="Speed after these days, 1 to 60; without it as before. / 이후 배속(1~60). 없으면 그대로."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the console and the API. / 콘솔과 API의 포트.")] = 8000,
    *,
    report: Annotated[Path | None, typer.Option(help="Write the summary to this file, too. / 요약 파일.")] = None,
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop after the days; exit 0 only if all books balance. / 거래일 뒤 종료.")
    ] = False,
    reset: Annotated[
        bool,
        typer.Option(
            "--reset", help="Remove what the demo has left, and run none. / 데모가 남긴 데이터를 지우고 끝냅니다."
        ),
    ] = False,
    start_wait_s: StartLimit = None,
    pretty: Pretty = False,
) -> None:
    """Run whole trading days of the demo complex, and go on trading until Ctrl-C. / 데모 산단의 거래일을 돌립니다.

    After the set days the market goes on at a person's speed, 60 at most: an interval takes 15 seconds then. The
    operator changes the speed on the console at any time. / 지정한 거래일 뒤에도 시장은 최대 60배속(한 구간 15초)으로
    계속되며, 운영자는 콘솔에서 언제든지 배속을 바꿀 수 있습니다.

    The folder var/demo-PORT keeps databases, logs and keys.json, a list of {key, role, participant_id}; the next demo
    on the same port clears it, and so does --reset. / var/demo-PORT 폴더에 데이터베이스, 로그와 keys.json
    ({key, role, participant_id} 목록)이 남고, 같은 포트의 다음 데모나 --reset이 이를 지웁니다.

    Example: sandan demo --factories 24 --speed 600 --exit --report report.json
    """
    from cli.demo_day import run
    from cli.demo_start import checked, removed

    if reset:
        folder = removed(port)
        print_answer({"removed": None if folder is None else str(folder)}, pretty=pretty)
        return
    wanted = checked(
        day=day,
        days=days,
        factories=factories,
        speed=speed,
        after_speed=after_speed,
        port=port,
        start_wait_s=start_wait_s,
    )
    if not run(wanted, report, leave=leave, pretty=pretty):
        raise typer.Exit(EXIT_WRONG_ANSWER)
