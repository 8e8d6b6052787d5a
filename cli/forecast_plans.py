"""PLANS.csv: what a factory stated it would do, and when."""

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from shared.errors import BadInput, did_you_mean
from shared.events.records import LoadPlan, PlanKind

COLUMNS = ("plan_id", "kind", "begin", "end", "expected_kw", "stated_at")
WITHDRAWN = "withdrawn"
WORDS = {"": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True}
# The participant of a site's own file; the file speaks of one factory.
OWNER = "site"
KW_MAX = 10_000_000.0
# The header is the first.
FIRST_ROW = 2


def read_plans(path: Path) -> list[LoadPlan]:
    """Read PLANS.csv; rows of one plan_id are its versions in the order of `stated_at`.

    Raises:
        BadInput: It is no such file, or a row breaks a rule: the first one is named with its field.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True, skipinitialspace=True)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                given = ",".join(table.fieldnames or ()) or "nothing"
                raise BadInput(where=str(path), field="columns", rule=f"must contain {missing[0]}", value=given)
            rows = [_row(f"{path} row {number}", row) for number, row in enumerate(table, start=FIRST_ROW)]
    except FileNotFoundError:
        raise BadInput(where=str(path), field="file", rule="must exist", value="no such file") from None
    except OSError as error:
        raise BadInput(where=str(path), field="file", rule="must be readable", value=error.strerror) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(where=str(path), field="file", rule="must be CSV in UTF-8", value=str(error)) from None
    versions: dict[str, int] = {}
    plans = []
    for plan in sorted(rows, key=lambda plan: plan.stated_at):
        versions[plan.plan_id] = versions.get(plan.plan_id, 0) + 1
        plans.append(replace(plan, version=versions[plan.plan_id]))
    return plans


def _row(where: str, row: dict[str, str | None]) -> LoadPlan:
    text = {name: (row.get(name) or "").strip() for name in (*COLUMNS, WITHDRAWN)}
    if not text["plan_id"]:
        raise BadInput(where=where, field="plan_id", rule="must be given", value="")
    kinds = [kind.value for kind in PlanKind]
    if text["kind"] not in kinds:
        hint = did_you_mean(text["kind"], kinds)
        raise BadInput(where=where, field="kind", rule=f"must be one of {kinds}", value=text["kind"], hint=hint)
    if text[WITHDRAWN].lower() not in WORDS:
        raise BadInput(where=where, field=WITHDRAWN, rule="must be true, false or blank", value=text[WITHDRAWN])
    begin, end, stated_at = (_instant(where, name, text[name]) for name in ("begin", "end", "stated_at"))
    try:
        return LoadPlan(
            plan_id=text["plan_id"],
            participant_id=OWNER,
            kind=PlanKind(text["kind"]),
            begin=begin,
            end=end,
            expected_w=_watts(where, text["expected_kw"]),
            stated_at=stated_at,
            version=1,
            is_withdrawn=WORDS[text[WITHDRAWN].lower()],
        )
    except ValueError as error:
        field, _, rule = str(error).replace("expected_w ", "expected_kw ").partition(" ")
        rule, _, value = rule.partition(", was ")
        raise BadInput(where=where, field=field, rule=rule, value=value) from None


def _watts(where: str, text: str) -> int | None:
    if not text:
        return None
    try:
        kw = float(text)
    except ValueError:
        kw = -1.0
    if not 0 <= kw <= KW_MAX:
        rule = f"must be a number of kW from 0 to {KW_MAX:.0f}, or blank"
        raise BadInput(where=where, field="expected_kw", rule=rule, value=text)
    return round(kw * 1_000)


def _instant(where: str, field: str, text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        rule = "must be ISO 8601, e.g. 2026-05-20T00:00:00+09:00"
        raise BadInput(where=where, field=field, rule=rule, value=text) from None
    return (instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant).astimezone(UTC)
