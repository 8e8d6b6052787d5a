"""`sandan legal check`: does what was traded and metered keep to the complex's legal mode, and which rule says what?"""

import re
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import EXIT_WRONG_ANSWER, ComplexFile, Folder, Pretty, print_answer
from shared.errors import BadInput
from shared.intervals import DAY, INTERVAL, day_start, month_bounds, trading_day_of
from shared.paths import DEMO_COMPLEX

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from optimizers.legal.checks import Flows, Verdict
    from shared.complex.model import Complex

legal = typer.Typer(no_args_is_help=True, help="Keep to the law of trading. / 거래의 법적 형태 점검.")


@legal.callback()
def _legal() -> None:
    """Keep a lone verb a verb: without a callback Typer would drop its name."""


@legal.command()
def check(
    period: Annotated[str, typer.Argument(help="A Korean day or month: 2026-05-20, 2026-05. / 점검할 날 또는 달.")],
    folder: Folder = None,
    complex_file: ComplexFile = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Ask each rule of the complex's legal mode. / 법적 형태의 규칙을 하나씩 점검합니다.

    `lawful` is null where nothing was settled; exit 1 unless it is true. / 정산된 것이 없으면 `lawful`은 null이며,
    true가 아니면 종료 코드 1입니다.

    Needs what a deployment has left, such as `sandan demo` in var/demo-8000. / 배포가 남긴 데이터가 필요합니다(예:
    `sandan demo`의 var/demo-8000).

    Example: sandan legal check 2026-05 --folder var/demo-8000
    """
    from cli.kept import database_of, kept_by
    from shared.complex.model import load_complex

    first, end = _bounds(period)
    own = None if folder is None else folder / "complex.yaml"
    complex_ = load_complex(complex_file or (own if own is not None and own.exists() else DEMO_COMPLEX))
    with kept_by("settlement", database_of(folder)) as db:
        answer = checked(db, complex_, first, end)
    print_answer({"period": period, **answer}, pretty=pretty)
    if answer["known_until"] < trading_day_of(end - INTERVAL).isoformat():
        sys.stderr.write(f"{period}: the rules are known until {answer['known_until']}, and are taken to go on\n")
    if answer["lawful"] is None:
        sys.stderr.write(f"{period}: nothing was settled, so no rule could be checked\n")
    if not answer["lawful"]:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def checked(db: "Connection", complex_: "Complex", first: datetime, end: datetime) -> dict[str, Any]:
    """Ask the rules in force on a period's last day of what was settled in it."""
    from optimizers.legal.checks import Deal, check_period, law_of
    from services.settlement.store.books import settled_intervals
    from services.settlement.store.facts import traded_wh
    from shared.reference.load import legal_modes

    complex_id = complex_.complex_id
    traded = traded_wh(db, complex_id, first, end)
    deals = [Deal(seller_id=seller, buyer_id=buyer, quantity_wh=wh) for (seller, buyer), wh in traded.items()]
    modes = legal_modes()
    law = law_of(complex_, modes)
    settled = settled_intervals(db, complex_id, first, end)
    # Nothing breaks no rule, and keeps none either.
    verdicts = (
        check_period(law, trading_day_of(end - INTERVAL), _flows(db, complex_, first, end), deals) if settled else []
    )
    return {
        "complex_id": complex_id,
        "legal_mode": complex_.legal_mode,
        "name": law.mode.name.model_dump(),
        "note": law.mode.note.model_dump(),
        "known_until": modes.known_until.isoformat(),
        "intervals_settled": settled,
        "lawful": all(verdict.holds for verdict in verdicts) if settled else None,
        "verdicts": [_shown(verdict) for verdict in verdicts],
    }


def _flows(db: "Connection", complex_: "Complex", first: datetime, end: datetime) -> "dict[str, Flows]":
    from optimizers.legal.checks import Flows
    from optimizers.settlement.invoices import consumed_wh
    from services.settlement.store.books import load_lines
    from services.settlement.store.invoices import load_behind

    found = {}
    for participant_id in complex_.by_participant:
        histories = load_lines(db, complex_.complex_id, first, end, participant_id=participant_id)
        lines = {start: history[-1] for start, history in histories.get(participant_id, {}).items()}
        behind = load_behind(db, complex_.complex_id, participant_id, first, end)
        found[participant_id] = Flows(
            consumed_wh=sum(consumed_wh(line, behind.given_wh.get(start, 0)) for start, line in lines.items()),
            made_wh=behind.solar_wh,
            grid_import_wh=sum(line.grid_import_wh for line in lines.values()),
            grid_export_wh=sum(line.grid_export_wh for line in lines.values()),
        )
    return found


def _shown(verdict: "Verdict") -> dict[str, Any]:
    from shared.reference.load import legal_modes

    rule = verdict.rule
    sources = legal_modes().sources
    return {
        "code": rule.code,
        "holds": verdict.holds,
        "subject": verdict.subject,
        "en": verdict.en,
        "ko": verdict.ko,
        "in_force": rule.first.isoformat(),
        "figure": None if rule.figure is None else str(rule.figure),
        "draft": rule.draft,
        "confidence": rule.confidence,
        "note": rule.note,
        "sources": [sources[source].model_dump(mode="json") for source in rule.sources],
    }


def _bounds(period: str) -> tuple[datetime, datetime]:
    try:
        if re.fullmatch(r"\d{4}-\d{2}", period):
            return month_bounds(period)
        first = day_start(date.fromisoformat(period))
    except (ValueError, OverflowError):
        rule = "must be a day or a month, such as 2026-05-20 or 2026-05"
        raise BadInput(where="command line", field="PERIOD", rule=rule, value=period) from None
    return first, first + DAY
