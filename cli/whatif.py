"""`sandan whatif`: what metered days would have cost otherwise, without the running system."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer, require_plot_name, writing
from shared.errors import BadInput

if TYPE_CHECKING:
    # The planner's mathematics is loaded when a verb runs, so that the other verbs start fast.
    from cli.whatif_files import Study, Summary, Sums
    from services.planner.domain.scenarios import Outcome, Scenario
    from services.planner.domain.sites import SiteDay
    from services.planner.handlers.cluster import Work

COMPARED_MIN = 2
FIGURES = ("cost_krw", "grid_import_kwh", "grid_export_kwh")
SYNTHETIC = "No history was given: the days are what simulated meters would have shown."

whatif = typer.Typer(
    no_args_is_help=True,
    help="What-if studies of metered days, without the running system. / 시스템 없이 하는 가정 분석.",
)


@whatif.command()
def run(
    study: Annotated[Path, typer.Argument(help="STUDY.yaml: what to ask of which days. / 분석 파일(YAML).")],
    out: Annotated[Path, typer.Option(help="Folder for the results; new, empty, or the same study's. / 결과 폴더.")],
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="An outside Dask scheduler, tcp://host:port; default: in this process. / Dask 스케줄러 주소."
        ),
    ] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Work out what days would have cost with other batteries, roofs or tariffs. / 가정별 하루 비용을 계산합니다.

    STUDY.yaml: `days` (a list of Korean days, or `{from: 2026-05-18, to: 2026-05-24}`; at most 31), `battery_scales`
    and `pv_scales` (1 is as built, 0 is none; at most 10 each), `tariff_options` (I, II, III, or as-is for each
    factory's own), `complex` (a complex file; default: the demo's) and `history` (a meter archive, CSV or Parquet;
    default: simulated meters, and the answer says so). Paths are seen from the file's folder. At most 200
    combinations. /
    STUDY.yaml의 항목: `days`(날짜 목록 또는 `{from: 2026-05-18, to: 2026-05-24}`, 최대 31일), `battery_scales`와
    `pv_scales`(1은 현재 그대로, 0은 없음, 각 최대 10개), `tariff_options`(I, II, III 또는 공장별 현재 요금인 as-is),
    `complex`(산단 파일, 기본값은 데모), `history`(계량 이력 CSV 또는 Parquet, 기본값은 가상 계량기이며 결과에
    표시됨). 경로는 파일이 있는 폴더 기준이고, 조합은 최대 200개입니다.

    The folder gets results.csv (a row a day, factory and combination), summary.json (sums, also printed) and
    summary.png. What is not modelled is said first, in summary.json as `not_modelled`; a day without known prices is
    refused. / 폴더에는 results.csv(날, 공장, 조합마다 한 행), summary.json(합계, 화면에도 출력), summary.png가
    생깁니다. 모형에 없는 것은 먼저 알리고 summary.json의 `not_modelled`에 적으며, 요금을 모르는 날은 거부합니다.

    Example: sandan whatif run examples/study.yaml --out study
    """
    from cli.whatif_files import COLUMNS, read_study, require_writable, write_study
    from cli.whatif_plot import draw
    from shared.study_fields import NOT_MODELLED

    read = read_study(study)
    require_writable(out, read.asked)
    scenarios = read.asked.scenarios
    sites = _sites(read, scenarios)
    for left_out in NOT_MODELLED:
        sys.stderr.write(f"{study}: NOT MODELLED: {left_out.en} / {left_out.ko}\n")
    outcomes = _evaluated(read, sites, scenarios, scheduler)
    summary = _summary(read, sites, outcomes)
    rows = (
        (day, site.participant_id, *(row[name] for name in COLUMNS[2:]))
        for (day, site), of_site in zip(sites, outcomes, strict=True)
        for row in _rows(scenarios, of_site)
    )
    write_study(out, summary, rows, draw)
    print_answer(summary.as_json(), pretty=pretty)
    for warning in summary.warnings:
        sys.stderr.write(f"{study}: WARNING: {warning.en} / {warning.ko}\n")
    for note in summary.notes:
        sys.stderr.write(f"{study}: {note}\n")


@whatif.command()
def compare(
    studies: Annotated[
        list[Path], typer.Argument(help="Folders of `whatif run`, the first to compare with. / 결과 폴더들.")
    ],
    plot: Annotated[Path | None, typer.Option(help="Draw it as PNG or SVG. / 그림 파일(PNG, SVG).")] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Set studies of the same days side by side, with differences to the first. / 같은 날의 분석 결과를 비교합니다.

    For instance a complex as it is and as it is planned, in two complex files with the same complex_id. A row has what
    each study's combination came to, in the order of the folders, and null where a study has no such combination.
    Exit 1 where a study has no combination in common with the first. / 예를 들어 현재의 산단과 계획된 산단을
    complex_id가 같은 두 산단 파일로 비교합니다. 각 행은 폴더 순서대로 조합의 값을 보이고, 그 조합이 없으면 null입니다.
    첫 분석과 공통된 조합이 없으면 종료 코드 1.

    Needs two folders that `sandan whatif run` wrote. / `sandan whatif run`이 쓴 폴더 두 개가 필요합니다.

    Example: sandan whatif compare as-built planned --plot compared.png
    """
    from cli.whatif_files import read_summary

    if len(studies) < COMPARED_MIN:
        rule = f"must be at least {COMPARED_MIN} in number"
        raise BadInput(where="command line", field="STUDIES", rule=rule, value=len(studies))
    for place, folder in enumerate(studies):
        if folder in studies[:place]:
            raise BadInput(where="command line", field="STUDIES", rule="must name each folder once", value=str(folder))
    require_plot_name(plot)
    summaries = {str(folder): read_summary(folder) for folder in studies}
    _require_comparable(summaries)
    with writing(plot) as drafts:
        if plot is not None:
            from cli.whatif_plot import draw_compared

            draw_compared(summaries, drafts[plot], plot.suffix.lower().removeprefix("."))
    first = summaries[str(studies[0])]
    print_answer(
        {
            "complex_id": first.complex_id,
            "days": sorted(day.isoformat() for day in first.study.days),
            "synthetic": first.synthetic,
            "studies": list(summaries),
            "rows": _compared(list(summaries.values())),
        },
        pretty=pretty,
    )
    ours = {one.combination for one in first.sums}
    strangers = [name for name, one in summaries.items() if ours.isdisjoint(other.combination for other in one.sums)]
    for name in strangers:
        sys.stderr.write(f"{name}: has no combination in common with {studies[0]}\n")
    if strangers:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def _sites(study: "Study", scenarios: "Sequence[Scenario]") -> "list[tuple[date, SiteDay]]":
    from services.planner.handlers.days import site_days

    found: list[tuple[date, SiteDay]] = []
    for day, readings in study.readings().items():
        try:
            found += [(day, site) for site in site_days(readings, study.complex_, day, scenarios)]
        except BadInput as problem:
            where = f"{study.path} $.days {day}"
            raise BadInput(
                where=where, field=problem.field, rule=problem.rule, value=problem.value, hint=problem.hint
            ) from None
    return found


def _evaluated(
    study: "Study", sites: "Sequence[tuple[date, SiteDay]]", scenarios: "Sequence[Scenario]", scheduler: str | None
) -> "list[tuple[Outcome, ...]]":
    """Evaluate each site's day with a progress bar."""
    from services.planner.handlers.cluster import ADDRESS_PATTERN, Cluster, WorkLost

    if scheduler is not None and re.match(ADDRESS_PATTERN, scheduler) is None:
        rule = "must be tcp://host:port or tls://host:port"
        raise BadInput(where="command line", field="--scheduler", rule=rule, value=scheduler)
    with closing(Cluster(scheduler)) as cluster:
        try:
            work = [cluster.submit(site, scenarios) for _, site in sites]
            places = [(f"{study.path} $.days {day}", site.participant_id) for day, site in sites]
            return [_outcomes(one, *place) for place, one in zip(places, _counted(work), strict=True)]
        except (OSError, WorkLost) as fault:
            rule = "must answer until the end"
            raise BadInput(where="command line", field="--scheduler", rule=rule, value=str(fault)) from None


def _outcomes(work: "Work", where: str, participant_id: str) -> "tuple[Outcome, ...]":
    from optimizers.ess.check import BrokenPromise
    from optimizers.ess.solver import SolverFailed

    try:
        return work.outcomes()
    except (SolverFailed, BrokenPromise) as error:
        rule = "must have a schedule that can be computed"
        raise BadInput(where=where, field=participant_id, rule=rule, value=str(error)) from None


def _counted(work: "Sequence[Work]") -> "Iterator[Work]":
    """Hand out work, and show on stderr how much of it is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield from bar.track(work, description="factory days")


def _summary(
    study: "Study", sites: "Sequence[tuple[date, SiteDay]]", outcomes: "Sequence[tuple[Outcome, ...]]"
) -> "Summary":
    """Return a study's answer; first, what it leaves out."""
    from cli.whatif_files import Summary
    from services.planner.domain.scenarios import total
    from shared.study_fields import NOT_MODELLED

    broken = _feeder_limits_broken(study, sites, outcomes)
    sums = [
        row | {"feeder_limits_broken": broken_by_it}
        for row, broken_by_it in zip(_rows(study.asked.scenarios, total(outcomes)), broken, strict=True)
    ]
    synthetic = study.asked.history is None
    return Summary.model_validate(
        {
            "not_modelled": [
                {"code": limitation.code, "en": limitation.en, "ko": limitation.ko} for limitation in NOT_MODELLED
            ],
            "warnings": _warnings(study, sums),
            "study": study.asked,
            "complex_id": study.complex_.complex_id,
            "complex_note": study.complex_.note.en,
            "synthetic": synthetic,
            "participants": [participant.participant_id for participant in study.complex_.participants],
            "sums": sums,
            "notes": [SYNTHETIC] if synthetic else [],
        }
    )


def _feeder_limits_broken(
    study: "Study", sites: "Sequence[tuple[date, SiteDay]]", outcomes: "Sequence[Sequence[Outcome]]"
) -> list[list[dict[str, object]]]:
    """Return the feeders' limits that each combination breaks, day by day."""
    from services.planner.domain.feeders import limits_broken
    from services.planner.handlers.studies import results_of
    from services.trading_api.studies.views import study_result_view

    complex_, scenarios = study.complex_, study.asked.scenarios
    found: list[list[dict[str, object]]] = [[] for _ in scenarios]
    of_days: dict[date, dict[str, Sequence[Outcome]]] = {}
    for (day, site), of_site in zip(sites, outcomes, strict=True):
        of_days.setdefault(day, {})[site.participant_id] = of_site
    for day, of_sites in of_days.items():
        broken = limits_broken(complex_.feeders, complex_.feeder_of, of_sites)
        results = results_of(scenarios, next(iter(of_sites.values())), broken)
        for one, result in zip(found, results, strict=True):
            shown = study_result_view(result.model_dump())["feeder_limits_broken"]
            one += [{"trading_day": day, **limit} for limit in shown]
    return found


def _warnings(study: "Study", sums: "Sequence[Mapping[str, Any]]") -> list[dict[str, str]]:
    """Return what of the answer is assumed, and where it can't be had."""
    from optimizers.tariff.surplus import surplus_assumptions
    from shared.reference.load import sell_back

    found = [
        {"code": note.code, "en": note.en, "ko": note.ko}
        for note in surplus_assumptions(sell_back(study.complex_.sell_back), study.asked.days)
    ]
    for row in sums:
        name = f"battery x{row['battery_scale']:g}, solar x{row['pv_scale']:g}, {row['tariff_option']}"
        for limit in row["feeder_limits_broken"]:
            where = f"{limit['trading_day']} {limit['feeder_id']} {limit['direction']}"
            figures = f"{limit['highest_kw']} kW > {limit['limit_kw']} kW"
            text = f"{name}: breaks a feeder's limit, which nothing here bounds: {where} {figures}"
            text_ko = f"{name}: 피더 한도 초과(계획에 미반영): {where} {figures}"
            count = limit["intervals"]
            found.append(
                {
                    "code": "feeder_limit_broken",
                    "en": f"{text} in {count} intervals",
                    "ko": f"{text_ko}, {count}개 구간",
                }
            )
    return found


def _rows(scenarios: "Sequence[Scenario]", outcomes: "Sequence[Outcome]") -> list[dict[str, object]]:
    """Return a row a combination, as the API's results have them."""
    from services.planner.handlers.studies import results_of
    from services.trading_api.studies.views import study_result_view

    return [dict(study_result_view(result.model_dump())) for result in results_of(scenarios, outcomes)]


def _require_comparable(summaries: "Mapping[str, Summary]") -> None:
    (name, first), *others = summaries.items()
    for other_name, other in others:
        for what, ours, theirs in (
            ("complex_id", first.complex_id, other.complex_id),
            ("study.days", sorted(map(str, first.study.days)), sorted(map(str, other.study.days))),
            ("synthetic", first.synthetic, other.synthetic),
        ):
            if ours != theirs:
                rule = f"must be {ours} as in {name}"
                raise BadInput(where=f"{other_name}/summary.json", field=f"$.{what}", rule=rule, value=theirs)


def _compared(summaries: "Sequence[Summary]") -> list[dict[str, object]]:
    """Return a row a combination, those of the first study first."""
    found = [{one.combination: one for one in summary.sums} for summary in summaries]
    combinations = dict.fromkeys(combination for by_combination in found for combination in by_combination)
    return [
        {
            "battery_scale": combination[0],
            "pv_scale": combination[1],
            "tariff_option": combination[2],
            "studies": [
                _with_differences(by_combination.get(combination), found[0].get(combination))
                for by_combination in found
            ],
        }
        for combination in combinations
    ]


def _with_differences(sums: "Sums | None", first: "Sums | None") -> dict[str, object] | None:
    """Return a combination's sums with how much higher they are than the first study's, null where it has none."""
    if sums is None:
        return None
    figures = sums.model_dump(include=set(FIGURES))
    of_first = None if first is None else first.model_dump(include=set(FIGURES))
    for name in FIGURES:
        quantity, unit = name.rsplit("_", 1)
        above = None if of_first is None else figures[name] - of_first[name]
        figures[f"{quantity}_above_first_{unit}"] = above
    return {name: str(one) if isinstance(one, Decimal) else one for name, one in figures.items()}
