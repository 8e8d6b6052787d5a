"""`sandan history`: what a complex's simulated meters would have shown, for studies and backtests."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import ComplexFile, Pretty, print_answer, refuse_taken, require_plot_name, writing
from shared.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from datetime import date

    from services.fems.simulator.history import SimulatedHistory
    from shared.complex.model import Complex

DAYS_MAX = 1_100


def history(
    out: Annotated[Path, typer.Option(help="Write this file: .parquet, else CSV. / 저장할 파일(.parquet 또는 CSV).")],
    first: Annotated[str, typer.Option("--from", help="First Korean day, such as 2025-05-20. / 첫날.")],
    last: Annotated[str, typer.Option("--to", help="Last day. / 마지막 날.")],
    site: Annotated[
        str | None,
        typer.Option(
            help="Only one factory's load or one roof, as start_utc,kw, with its SITE.json beside it."
            " / 공장 부하 또는 지붕 하나만 start_utc,kw로. 옆에 SITE.json도 저장."
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the loads as PNG or SVG. / 부하 그림 파일(PNG, SVG).")] = None,
    *,
    complex_file: ComplexFile = None,
    pretty: Pretty = False,
) -> None:
    """Write what simulated meters would have shown, with the batteries idle. / 가상 계량기의 이력을 만듭니다.

    Loads are those of the complex file: made-up plants from a seed, or a measured profile. The file is a meter archive,
    as `sandan whatif` (`history`) and `sandan up` (`history_file`) read it; with --site it is a history for `sandan
    forecast backtest`. / 부하는 산단 파일이 말하는 가상 공장이나 실측 프로파일입니다. 결과는 `sandan whatif`의
    `history`와 `sandan up`의 `history_file`이 읽는 계량 이력이며, --site를 주면 `sandan forecast backtest`의
    이력입니다.

    Example: sandan history --from 2025-05-20 --to 2026-05-19 --out year.parquet
    """
    from cli.prepare import is_parquet, write_archive
    from services.fems.simulator.history import history as simulated
    from shared.complex.model import load_complex
    from shared.intervals import INTERVALS_PER_DAY, day_start
    from shared.paths import DEMO_COMPLEX

    require_plot_name(plot)
    refuse_taken((complex_file,), {"--out": out, "--plot": plot})
    begin, end = _days(first, last)
    complex_ = load_complex(complex_file or DEMO_COMPLEX)
    made = simulated(complex_, day_start(begin), ((end - begin).days + 1) * INTERVALS_PER_DAY)
    answer: dict[str, Any] = {"complex_id": complex_.complex_id, "from": first, "to": last, "synthetic": True}
    answer["note"] = complex_.note.model_dump()
    site_file = None if site is None else out.with_suffix(".json")
    with writing(out, site_file, plot) as drafts:
        if site is None:
            write_archive(drafts[out], [(complex_, made)], is_parquet=is_parquet(out))
            answer["meters"] = len(complex_.devices)
        else:
            answer["site"] = _site(complex_, site)
            _write_site(drafts[out], answer["site"], made, is_parquet=is_parquet(out))
        if site_file is not None:
            text = json.dumps(answer["site"], ensure_ascii=False, indent=2)
            drafts[site_file].write_text(text + "\n", encoding="utf-8")
        if plot is not None:
            from cli.history_plot import draw

            draw(complex_, made, drafts[plot], plot.suffix.lower().removeprefix("."))
    print_answer(answer, pretty=pretty)


def _days(first: str, last: str) -> "tuple[date, date]":
    from datetime import date, timedelta

    from shared.reference.load import holidays

    days = []
    for option, text in (("--from", first), ("--to", last)):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            raise BadInput(where="command line", field=option, rule="must be YYYY-MM-DD", value=text) from None
    begin, end = days
    if not begin <= end < begin + timedelta(days=DAYS_MAX):
        rule = f"must be the first day or one of the {DAYS_MAX - 1} after it"
        raise BadInput(where="command line", field="--to", rule=rule, value=last)
    known = holidays()
    if not known.covers(begin, end):
        rule = f"must lie within the days whose holidays are known ({known.first} to {known.known_until})"
        raise BadInput(where="command line", field="--from, --to", rule=rule, value=f"{first} to {last}")
    return begin, end


def _site(complex_: "Complex", site: str) -> dict[str, Any]:
    """Return SITE.json of a factory's load or of a roof."""
    where = complex_.location
    common: dict[str, Any] = {**where.model_dump(), "timezone": "Asia/Seoul"}
    roofs = {one.site_id: one for owner in complex_.participants for one in owner.pv}
    if site in roofs:
        return {"site": site, "kind": "pv", **common, **roofs[site].model_dump(exclude={"site_id"})}
    if site in complex_.by_participant:
        contract_kw = complex_.by_participant[site].contract.contract_kw
        return {"site": site, "kind": "load", **common, "capacity_kw_ac": contract_kw}
    known = [*complex_.by_participant, *roofs]
    rule = f"must be a factory or a roof of {complex_.complex_id}"
    raise BadInput(where="command line", field="--site", rule=rule, value=site, hint=did_you_mean(site, known))


def _write_site(path: Path, facts: dict[str, Any], made: "SimulatedHistory", *, is_parquet: bool) -> None:
    import pandas as pd

    from shared.intervals import INTERVAL, INTERVALS_PER_HOUR
    from shared.units import WH_PER_KWH

    energy_wh = made.load_wh[facts["site"]] if facts["kind"] == "load" else made.meters[facts["site"]][1]
    starts = pd.date_range(made.first_start, periods=len(energy_wh), freq=INTERVAL)
    table = pd.DataFrame({"start_utc": starts, "kw": energy_wh * (INTERVALS_PER_HOUR / WH_PER_KWH)})
    if is_parquet:
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
