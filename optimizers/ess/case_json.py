"""Read a case from decoded JSON, naming the path of whatever breaks a rule; write a schedule as JSON."""

import math
from collections.abc import Mapping

import numpy as np

from optimizers.ess.case import WHERE, Battery, Case, Schedule
from shared.arrays import Flags, Floats
from shared.errors import BadInput, did_you_mean

# Finer than a meter by far, coarser than the rounding of sums, so that 0.30000000000000004 reads 0.3.
DECIMALS = 9

BATTERY_FIELDS = (
    "capacity_kwh",
    "max_charge_kw",
    "max_discharge_kw",
    "charge_efficiency",
    "discharge_efficiency",
    "soc_min",
    "soc_max",
    "soc_initial",
    "soc_final_min",
    "cycle_cost_krw_per_kwh",
)
REQUIRED_FIELDS = (
    "step_minutes",
    "load_kw",
    "pv_kw",
    "price_buy_krw_per_kwh",
    "price_sell_krw_per_kwh",
    "demand_charge_krw_per_kw",
    "prior_peak_kw",
    "battery",
)
OPTIONAL_FIELDS = ("import_limit_kw", "export_limit_kw", "pv_curtailable", "demand_window_minutes", "demand_counts")
DEFAULT_DEMAND_WINDOW_MINUTES = 15.0


def case_from_json(decoded: object, where: str = WHERE) -> Case:
    """Build a case from decoded JSON.

    A limit that is missing is null. Integers count as numbers, booleans and text don't.

    Args:
        decoded: What `shared.strict_json.parse` returned, with floats.
        where: Where it came from, for messages.

    Raises:
        BadInput: A rule is broken; `field` is the JSON path.
    """
    try:
        return _case(decoded)
    except BadInput as error:
        raise BadInput(where=where, field=error.field, rule=error.rule, value=error.value, hint=error.hint) from None


def schedule_to_json(schedule: Schedule) -> dict[str, object]:
    """Return a schedule as the JSON object of `sandan schedule`, its numbers rounded to 9 decimals."""
    return {
        "status": schedule.status,
        "cost_krw": _rounded(schedule.cost_krw),
        "cost_without_battery_krw": _rounded(schedule.cost_without_battery_krw),
        "charge_kw": _rounded_all(schedule.charge_kw),
        "discharge_kw": _rounded_all(schedule.discharge_kw),
        "curtail_kw": _rounded_all(schedule.curtail_kw),
        "import_kw": _rounded_all(schedule.import_kw),
        "export_kw": _rounded_all(schedule.export_kw),
        "soc_kwh": _rounded_all(schedule.soc_kwh),
        "peak_kw": _rounded(schedule.peak_kw),
        "peak_without_battery_kw": _rounded(schedule.peak_without_battery_kw),
        "peak_value_krw_per_kw": _rounded(schedule.peak_value_krw_per_kw),
        "energy_value_krw_per_kwh": _rounded_all(schedule.energy_value_krw_per_kwh),
        "reasons": list(schedule.reasons),
        "violations": [
            {
                "limit": violation.limit,
                "step": violation.step,
                "excess": _rounded(violation.excess),
                "unit": violation.unit,
            }
            for violation in schedule.violations
        ],
        "solve": {
            "method": schedule.solve.method,
            "seconds_build": schedule.solve.seconds_build,
            "seconds_solve": schedule.solve.seconds_solve,
            "gap": schedule.solve.gap,
            "violation_gap": schedule.solve.violation_gap,
        },
    }


def _case(decoded: object) -> Case:
    fields = _object(decoded, "$", REQUIRED_FIELDS, OPTIONAL_FIELDS)
    load_kw = _series(fields["load_kw"], "$.load_kw")
    steps = len(load_kw)
    curtailable = fields.get("pv_curtailable", False)
    if not isinstance(curtailable, bool):
        raise _broken("$.pv_curtailable", "must be true or false", curtailable)
    return Case(
        step_minutes=_number(fields["step_minutes"], "$.step_minutes"),
        load_kw=load_kw,
        pv_kw=_series(fields["pv_kw"], "$.pv_kw"),
        price_buy_krw_per_kwh=_price(fields["price_buy_krw_per_kwh"], "$.price_buy_krw_per_kwh", steps),
        price_sell_krw_per_kwh=_price(fields["price_sell_krw_per_kwh"], "$.price_sell_krw_per_kwh", steps),
        demand_charge_krw_per_kw=_number(fields["demand_charge_krw_per_kw"], "$.demand_charge_krw_per_kw"),
        prior_peak_kw=_number(fields["prior_peak_kw"], "$.prior_peak_kw"),
        battery=_battery(fields["battery"]),
        import_limit_kw=_number_or_none(fields.get("import_limit_kw"), "$.import_limit_kw"),
        export_limit_kw=_number_or_none(fields.get("export_limit_kw"), "$.export_limit_kw"),
        pv_curtailable=curtailable,
        demand_window_minutes=_number(
            fields.get("demand_window_minutes", DEFAULT_DEMAND_WINDOW_MINUTES), "$.demand_window_minutes"
        ),
        demand_counts=_flags_or_none(fields.get("demand_counts"), "$.demand_counts"),
    )


def _battery(decoded: object) -> Battery | None:
    if decoded is None:
        return None
    fields = _object(decoded, "$.battery", BATTERY_FIELDS, ())
    figures = {name: _number(fields[name], f"$.battery.{name}") for name in BATTERY_FIELDS}
    return Battery(
        capacity_kwh=figures["capacity_kwh"],
        max_charge_kw=figures["max_charge_kw"],
        max_discharge_kw=figures["max_discharge_kw"],
        charge_efficiency=figures["charge_efficiency"],
        discharge_efficiency=figures["discharge_efficiency"],
        soc_min=figures["soc_min"],
        soc_max=figures["soc_max"],
        soc_initial=figures["soc_initial"],
        soc_final_min=figures["soc_final_min"],
        cycle_cost_krw_per_kwh=figures["cycle_cost_krw_per_kwh"],
    )


def _object(decoded: object, path: str, required: tuple[str, ...], optional: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(decoded, dict):
        raise _broken(path, "must be an object", decoded)
    for name in decoded:
        if name not in required and name not in optional:
            rule, known = f"must be one of {', '.join(required + optional)}", required + optional
            raise _broken(f"{path}.{name}", rule, "an unknown field", did_you_mean(name, known))
    for name in required:
        if name not in decoded:
            raise _broken(f"{path}.{name}", "must be given", "missing")
    return decoded


def _price(decoded: object, path: str, steps: int) -> Floats:
    if isinstance(decoded, list):
        return _series(decoded, path)
    if isinstance(decoded, bool) or not isinstance(decoded, int | float):
        raise _broken(path, "must be a number or an array of numbers", decoded)
    return np.full(steps, _number(decoded, path))


def _series(decoded: object, path: str) -> Floats:
    if not isinstance(decoded, list):
        raise _broken(path, "must be an array of numbers", decoded)
    return np.array([_number(entry, f"{path}[{step}]") for step, entry in enumerate(decoded)], dtype=np.float64)


def _flags_or_none(decoded: object, path: str) -> Flags | None:
    if decoded is None:
        return None
    if not isinstance(decoded, list):
        raise _broken(path, "must be an array of true and false", decoded)
    for step, entry in enumerate(decoded):
        if not isinstance(entry, bool):
            raise _broken(f"{path}[{step}]", "must be true or false", entry)
    return np.array(decoded, dtype=np.bool_)


def _number_or_none(decoded: object, path: str) -> float | None:
    return None if decoded is None else _number(decoded, path)


def _number(decoded: object, path: str) -> float:
    if isinstance(decoded, bool) or not isinstance(decoded, int | float):
        raise _broken(path, "must be a number", decoded)
    number = float(decoded)
    if not math.isfinite(number):
        raise _broken(path, "must be finite", number)
    return number


def _broken(path: str, rule: str, value: object, hint: str = "") -> BadInput:
    return BadInput(where=WHERE, field=path, rule=rule, value=value, hint=hint)


def _rounded(number: float) -> float:
    # Adding zero turns -0.0 into 0.0.
    return round(float(number), DECIMALS) + 0.0


def _rounded_all(series: Floats) -> list[float]:
    return [_rounded(number) for number in series.tolist()]
