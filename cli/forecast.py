"""`sandan forecast`: forecasts from a file's history, as they would have been issued."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import EXIT_WRONG_ANSWER, Pretty, print_answer, refuse_taken, require_plot_name, writing
from shared.errors import BadInput

if TYPE_CHECKING:
    # pandas, pvlib and LightGBM are loaded when the verb runs, so that the other verbs start fast.
    from cli.forecast_files import HistoryFile, SiteFile
    from services.forecast.domain.backtest.rolling_origin import Issued
    from services.forecast.domain.backtest.run import Backtest, Period
    from services.forecast.domain.metered.site import Site
    from shared.events.records import LoadPlan

COMMAND_LINE = "command line"
DELIVERY_MINUTES = 15
UNIT_MINUTES = {"min": 1, "m": 1, "h": 60, "hour": 60, "hours": 60, "d": 1440, "day": 1440, "days": 1440}
HORIZON_MINUTES_MAX = 7 * 1440
# More are a mistake in a date: a year of them every quarter hour for 14 days ahead.
FORECASTS_MAX = 60_000_000
AWAY_MINUTES_MAX = 366 * 1440
YEARS = range(1970, 2200)

forecast = typer.Typer(no_args_is_help=True, help="Solar and load forecasts. / 태양광·부하 예측.")


@forecast.callback()
def _forecast() -> None:
    """Keep `backtest` a verb of its own: a group with one command would drop its name."""


@forecast.command()
def backtest(  # noqa: PLR0917 -- Typer calls it by name
    history: Annotated[Path, typer.Argument(help="CSV or Parquet: start_utc, kw, weather. / 계량 이력 파일.")],
    site: Annotated[Path, typer.Option(help="SITE.json: what is known of the site. / 사업장 파일.")],
    begin: Annotated[str, typer.Option("--from", help="First issue, ISO 8601 (UTC unless it says). / 첫 예측 시각.")],
    end: Annotated[str, typer.Option("--to", help="Issues end before it. / 마지막 예측 시각(제외).")],
    out: Annotated[Path, typer.Option(help="FORECASTS.csv to write. / 결과 파일.")],
    issue_every: Annotated[str, typer.Option(help="15min, 60min, 6h, 1d. / 예측 간격.")] = "60min",
    horizon: Annotated[str, typer.Option(help="How far each forecast looks ahead. / 예측 기간.")] = "24h",
    plans: Annotated[Path | None, typer.Option(help="PLANS.csv: stated plans. / 조업 계획 파일.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw it as PNG or SVG. / 그림 파일(PNG, SVG).")] = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Issue forecasts as they would have been issued, with only what was known then. / 과거 시점의 예측을 재현합니다.

    A forecast issued at t uses only intervals that ended, and weather that was available, at or before t. Exit 1 where
    the history is no power by intervals of one length, or none of it can be believed. / 시각 t의 예측은 t까지 끝난
    구간과 t까지 알려진 날씨만 사용합니다. 이력이 일정한 간격의 전력이 아니거나 믿을 수 없으면 종료 코드 1.

    HISTORY (CSV or Parquet) has start_utc,kw and optionally weather columns with available_at; kw is the mean AC power
    of the interval. / HISTORY(CSV 또는 Parquet)의 열은 start_utc,kw이고 available_at이 있는 날씨 열을 더할 수 있습니다.
    kw는 구간 평균 교류 전력입니다.

    PLANS.csv: plan_id,kind,begin,end,expected_kw,stated_at,withdrawn. kind: shift, batch or shutdown; of a plan_id the
    row that was stated last holds, from its stated_at on. / PLANS.csv는 조업 계획입니다. kind는 shift(교대),
    batch(배치), shutdown(휴업)이고, 같은 plan_id는 마지막에 통보된 행이 stated_at부터 유효합니다.

    SITE.json: site, kind (pv or load), latitude, longitude, capacity_kw_ac. / SITE.json: 같은 이름의 다섯 항목.

    FORECASTS.csv has issue_time,target_time,site,p10,p50,p90,mean in kW; target_time is the start of the interval. /
    FORECASTS.csv의 열은 issue_time,target_time,site,p10,p50,p90,mean(kW)이고 target_time은 구간의 시작입니다.

    Needs a history and a site of one's own, and libgomp1. / 사용자의 계량 이력과 사업장 파일, libgomp1이 필요합니다.

    Example: sandan forecast backtest history.csv --site site.json --from 2026-05-01 --to 2026-05-15 --out forecasts.csv
    """
    from cli.forecast_files import doubts, read_history, read_site
    from services.forecast.domain.learning import boosting

    boosting.require()
    require_plot_name(plot)
    refuse_taken((history, site, *(() if plans is None else (plans,))), {"--out": out, "--plot": plot})
    period = _period(begin, end, issue_every, horizon)
    site_read, rows = _site(read_site(site)), read_history(history)
    made = _made(site_read, rows, () if plans is None else _plans(plans, site_read), period)
    with writing(out, plot) as drafts:
        issued = _walked(made)
        _write(made, issued, drafts[out])
        doubted = doubts(rows)
        answer, notes = _summary(made, issued, doubted)
        if plot is not None:
            from cli.forecast_plot import draw

            draw(made, issued, drafts[plot], plot.suffix.lower().removeprefix("."))
    print_answer(answer, pretty=pretty)
    for note in notes:
        sys.stderr.write(f"{history}: {note}\n")
    if doubted or not made.anything_believed:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def _made(site: "Site", rows: "HistoryFile", plans: "Sequence[LoadPlan]", period: "Period") -> "Backtest":
    """Return the backtest of a history that the period fits to."""
    from services.forecast.domain.backtest.run import Backtest, History

    _check_near(period, rows)
    made = Backtest(site, History(rows.start_minute, rows.kw, rows.weather, rows.available_minute), period, plans)
    if period.horizon_minutes < made.step_minutes:
        rule = f"must be at least one interval of the history ({made.step_minutes} min)"
        raise BadInput(where=COMMAND_LINE, field="--horizon", rule=rule, value=f"{period.horizon_minutes}min")
    return made


def _walked(made: "Backtest") -> "Issued":
    """Walk with a progress bar; return all forecasts."""
    import numpy as np
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from services.forecast.domain.backtest.rolling_origin import Issued

    parts: list[Issued] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task("learning", total=len(made.asked.now))
        for done, issued in made.walk():
            bar.update(task, completed=done, description="issues" if done else "learning")
            parts.append(issued)
    return Issued(
        issue=np.concatenate([part.issue for part in parts]),
        target=np.concatenate([part.target for part in parts]),
        lead=np.concatenate([part.lead for part in parts]),
        p10=np.concatenate([part.p10 for part in parts]),
        p50=np.concatenate([part.p50 for part in parts]),
        p90=np.concatenate([part.p90 for part in parts]),
        mean=np.concatenate([part.mean for part in parts]),
        trained=all(part.trained for part in parts),
    )


def _write(made: "Backtest", issued: "Issued", draft: Path) -> None:
    from cli.forecast_files import forecasts_csv

    issue, target = made.instants(issued)
    kw = (issued.p10, issued.p50, issued.p90, issued.mean)
    forecasts_csv(made.site.site, issue, target, kw).to_csv(draft, index=False, lineterminator="\n")


def _summary(made: "Backtest", issued: "Issued", doubted: list[str]) -> tuple[dict[str, object], list[str]]:
    import numpy as np

    from services.forecast.domain.accuracy import scores
    from services.forecast.domain.backtest.run import spans_of

    scored = made.scored(issued)
    every = np.ones(len(scored.came), dtype=np.bool_)
    full_kw = made.full_kw()
    notes = [*doubted, *_notes(made, issued, len(every))]
    array = made.array()
    learned = None
    if array is not None:
        learned = {
            "tilt_deg": array.tilt_deg,
            "azimuth_deg": array.azimuth_deg,
            "capacity_kw_dc_after_losses": round(array.dc_kw, 3),
        }
    answer: dict[str, object] = {
        "site": made.site.site,
        "kind": made.site.kind.value,
        "step_minutes": made.step_minutes,
        "issues": len(made.asked.now),
        "forecasts": len(issued.target),
        "normalised_by_kw": round(full_kw, 3),
        "reference": "smart_persistence" if made.site.kind.value == "pv" else "same_time_last_week",
        "overall": scores.figures(scored, every, full_kw) if len(every) else None,
        "by_lead_hours": scores.by_lead(scored, full_kw),
        **_settled_as_if(made, issued),
        "learned_array": learned,
        "rows": made.rows_given,
        "rejected": [
            {"rule": finding.rule, "intervals": finding.intervals, "first_spans": spans_of(finding, made.timeline)}
            for finding in made.findings
        ],
        "notes": notes,
    }
    return answer, notes


def _settled_as_if(made: "Backtest", issued: "Issued") -> dict[str, object]:
    """Return what a plant in Korea would have been paid for the day-ahead forecasts among these, or why nothing."""
    import pandas as pd

    from services.forecast.domain.accuracy.kr_forecast_incentive import HOUR_MINUTES, day_ahead_hours, settled
    from shared.reference.load import forecast_settlement
    from shared.units import WH_PER_KWH

    rules, step = forecast_settlement(), made.step_minutes
    reason = result = None
    if made.site.kind.value != "pv" or made.site.timezone != rules.timezone:
        reason = "it is paid to solar plants in Korea"
    elif HOUR_MINUTES % step:
        reason = f"it is reckoned by the hour, and the history's interval is {step} min"
    else:
        issue, target = made.instants(issued)
        timeline = made.timeline
        starts = pd.to_datetime((timeline.first + pd.RangeIndex(len(timeline.kw))) * step * 60, unit="s", utc=True)
        metered = pd.Series(timeline.believed(len(timeline.kw), len(timeline.kw)), index=starts)
        frame = pd.DataFrame({"issue": issue, "target": target, "kw": issued.p50})
        hours, out_of_reach = day_ahead_hours(frame, metered, step, rules)
        result = settled(hours, round(made.full_kw() * WH_PER_KWH), rules)
        if not result.hours:
            reason = (
                f"no metered hour of {rules.hour_counts_from_percent} % of capacity is reached by forecasts issued"
                f" at or before {' and '.join(f'{one:%H:%M}' for one in rules.submitted_at)} of the day before"
                f" (--horizon {48 - rules.submitted_at[0].hour}h reaches all)"
            )
    if reason is not None or result is None:
        return {"as_if_settlement": None, "as_if_settlement_reason": reason}
    figures = {
        "status": "as-if" + (f", {rules.uncertain.note}" if result.is_uncertain else ""),
        "rule": rules.rule,
        "versions": [version.first.isoformat() for version in result.versions],
        "submitted": "p50",
        "hours": result.hours,
        "hours_below_threshold": result.hours_left_out,
        "hours_out_of_reach": out_of_reach,
        "energy_kwh": result.actual_wh / WH_PER_KWH,
        "paid_krw": result.paid_krw,
        "paid_krw_if_perfect": result.paid_krw_max,
        "earned_ratio": round(result.paid_krw / result.paid_krw_max, 5) if result.paid_krw_max else None,
        "nmae": round(result.error_share_sum / result.hours, 5),
    }
    return {"as_if_settlement": figures, "as_if_settlement_reason": None}


def _notes(made: "Backtest", issued: "Issued", scored: int) -> list[str]:
    notes = []
    if made.step_minutes != DELIVERY_MINUTES:
        notes.append(f"the history's interval is {made.step_minutes} min, and so is that of the forecasts, not 15 min")
    if not made.anything_believed:
        notes.append("nothing in this history can be believed: the forecasts are assumptions, see rejected")
    if not issued.trained:
        notes.append("the history before some issues is too short to learn from: their ranges are wide")
    if not scored:
        notes.append("nothing was metered for any forecast: there are no figures of accuracy")
    return notes


def _site(read: "SiteFile") -> "Site":
    from services.forecast.domain.metered.site import Site, SiteKind
    from shared.reference.load import holidays

    calendar = holidays() if read.in_korea else None
    return Site(
        site=read.site,
        kind=SiteKind(read.kind),
        latitude=read.latitude,
        longitude=read.longitude,
        altitude_m=read.altitude_m or 0.0,
        capacity_kw_ac=read.capacity_kw_ac,
        capacity_kw_dc=read.capacity_kw_dc,
        tilt_deg=read.tilt_deg,
        azimuth_deg=read.azimuth_deg,
        timezone=read.zone,
        rest_days=frozenset() if calendar is None else calendar.billed | calendar.temporary,
    )


def _plans(path: Path, site: "Site") -> "Sequence[LoadPlan]":
    from cli.forecast_plans import read_plans

    if site.kind.value != "load":
        raise BadInput(where=COMMAND_LINE, field="--plans", rule="must be for a site of kind load", value=str(path))
    return read_plans(path)


def _period(begin: str, end: str, every: str, horizon: str) -> "Period":
    from services.forecast.domain.backtest.run import Period

    first, last = _minute("--from", begin), _minute("--to", end)
    if last <= first:
        raise BadInput(where=COMMAND_LINE, field="--to", rule=f"must be after --from ({begin})", value=end)
    period = Period(
        begin_minute=first,
        end_minute=last,
        every_minutes=_duration("--issue-every", every),
        horizon_minutes=_duration("--horizon", horizon),
    )
    if period.horizon_minutes > HORIZON_MINUTES_MAX:
        raise BadInput(where=COMMAND_LINE, field="--horizon", rule="must be at most 7 days", value=horizon)
    if (last - first) // period.every_minutes * period.horizon_minutes > FORECASTS_MAX * 15:
        raise BadInput(where=COMMAND_LINE, field="--to", rule=f"must ask for at most {FORECASTS_MAX} rows", value=end)
    return period


def _check_near(period: "Period", rows: "HistoryFile") -> None:
    """Refuse issues years away from the history: a mistake in a date, and a long computation of nothing."""
    first, last = int(rows.start_minute.min()), int(rows.start_minute.max())
    for option, minute in (("--from", period.begin_minute), ("--to", period.end_minute)):
        if not first - AWAY_MINUTES_MAX <= minute <= last + AWAY_MINUTES_MAX:
            since, until = (datetime.fromtimestamp(one * 60, UTC).date() for one in (first, last))
            value = f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%MZ}"
            rule = f"must lie within a year of the history ({since} to {until})"
            raise BadInput(where=COMMAND_LINE, field=option, rule=rule, value=value)


def _minute(option: str, text: str) -> int:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        rule = "must be ISO 8601, e.g. 2026-05-20T00:00:00+09:00"
        raise BadInput(where=COMMAND_LINE, field=option, rule=rule, value=text) from None
    if instant.year not in YEARS:
        rule = f"must lie in the years {YEARS.start} to {YEARS.stop - 1}"
        raise BadInput(where=COMMAND_LINE, field=option, rule=rule, value=text)
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    seconds = int(instant.timestamp())
    if seconds % 60 or instant.microsecond:
        raise BadInput(where=COMMAND_LINE, field=option, rule="must be a whole minute", value=text)
    return seconds // 60


def _duration(option: str, text: str) -> int:
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*([a-z]+)\s*", text.lower())
    minutes = int(match[1]) * UNIT_MINUTES.get(match[2], 0) if match else 0
    if minutes <= 0:
        raise BadInput(where=COMMAND_LINE, field=option, rule="must be a duration like 15min, 6h or 1d", value=text)
    return minutes
