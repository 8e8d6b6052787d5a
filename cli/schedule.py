"""`sandan schedule`: one ESS schedule from a case file."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer, read_json, refuse_taken, require_plot_name, writing
from shared.errors import BadInput

# Limits that gave way and are named on stderr; all of them are in the answer.
VIOLATIONS_SHOWN = 5


def schedule(
    case: Annotated[Path, typer.Argument(help="The case: site, prices, battery. / 사업장·요금·배터리 파일(JSON).")],
    out: Annotated[Path | None, typer.Option(help="Write the schedule here too. / 결과를 저장할 파일.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw it as PNG or SVG. / 그림 파일(PNG, SVG).")] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Schedule one battery at least cost; exit 1 where a limit had to give way. / 최소 비용의 ESS 운전 계획.

    CASE.json has step_minutes, load_kw and pv_kw (a list, one number a step), price_buy_krw_per_kwh (a list or a
    number), price_sell_krw_per_kwh, demand_charge_krw_per_kw, prior_peak_kw and battery (null or its capacity, limits
    and efficiencies), as examples/case.json shows. / CASE.json에는 step_minutes, load_kw와 pv_kw(간격마다 하나의 값),
    price_buy_krw_per_kwh(목록 또는 값), price_sell_krw_per_kwh, demand_charge_krw_per_kw, prior_peak_kw, battery(null
    또는 용량·한도·효율)가 있습니다. examples/case.json을 참고하십시오.

    The schedule has charge_kw, discharge_kw, import_kw, export_kw and soc_kwh by step, the cost with and without the
    battery, and which limits gave way when. / 결과에는 간격별 charge_kw, discharge_kw, import_kw, export_kw, soc_kwh와
    배터리가 있을 때와 없을 때의 비용, 지키지 못한 한도가 있습니다.

    Example: sandan schedule examples/case.json --out schedule.json
    """
    from optimizers.ess.case_json import case_from_json, schedule_to_json
    from optimizers.ess.check import BrokenPromise
    from optimizers.ess.schedule import solve
    from optimizers.ess.solver import SolverFailed

    require_plot_name(plot)
    refuse_taken((case,), {"--out": out, "--plot": plot})
    read = case_from_json(read_json(case), str(case))
    try:
        schedule_ = solve(read)
    except (SolverFailed, BrokenPromise) as error:
        # Seen only where numbers are so many magnitudes apart that floats lose the small ones.
        rule = "must hold numbers of magnitudes that floats can solve together"
        raise BadInput(where=str(case), field="$", rule=rule, value=str(error)) from None
    answer = schedule_to_json(schedule_)
    with writing(out, plot) as drafts:
        if out is not None:
            text = json.dumps(answer, ensure_ascii=False, indent=2 if pretty else None, allow_nan=False)
            drafts[out].write_text(text + "\n", encoding="utf-8")
        if plot is not None:
            from cli.schedule_plot import draw

            draw(read, schedule_, drafts[plot], plot.suffix.lower().removeprefix("."))
    print_answer(answer, pretty=pretty)
    if schedule_.violations:
        for violation in schedule_.violations[:VIOLATIONS_SHOWN]:
            line = (
                f"{case}: {violation.limit} gave way in step {violation.step} by {violation.excess:g} {violation.unit}"
            )
            sys.stderr.write(line + "\n")
        if len(schedule_.violations) > VIOLATIONS_SHOWN:
            sys.stderr.write(f"{case}: and {len(schedule_.violations) - VIOLATIONS_SHOWN} more, see violations\n")
        raise typer.Exit(EXIT_WRONG_ANSWER)
