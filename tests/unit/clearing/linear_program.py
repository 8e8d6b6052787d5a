"""The same auction as a linear program: for networks that are not radial, and as the cross-check of the exact one.

Symbols are in optimizers/README.md. Its numbers are floats: good to about 1e-9 of the welfare, and no ledger line is
ever written from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyomo.environ as pyo
from pyomo.contrib.appsi.base import TerminationCondition
from pyomo.contrib.appsi.solvers import Highs

from optimizers.clearing.book import Feeder, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLine:
    """One line between two places; None is the hub.

    Args:
        forward_limit_wh: Most energy from `start` to `end` in one delivery interval; None is unlimited.
        backward_limit_wh: The same from `end` to `start`.
        fee_jeon_per_kwh: Paid for each kWh on the line, either way.
    """

    start: str | None
    end: str | None
    forward_limit_wh: int | None
    backward_limit_wh: int | None
    fee_jeon_per_kwh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearAnswer:
    """What the linear program says, in floats.

    Args:
        filled_wh: Of each order, in input order.
        flow_wh: Of each line, forward less backward.
        price_jeon_per_kwh: Of each place, the dual of its balance; empty for an empty book.
    """

    welfare_jeon_wh: float
    filled_wh: tuple[float, ...]
    flow_wh: tuple[float, ...]
    price_jeon_per_kwh: dict[str | None, float]


class NotSolved(Exception):  # noqa: N818 -- it names what happened
    """HiGHS ended without an optimum, which a bounded, feasible program always has."""


def radial_lines(feeders: Sequence[Feeder]) -> list[PowerLine]:
    """Return the lines from the hub to each feeder of a radial complex."""
    return [
        PowerLine(
            start=None,
            end=feeder.feeder_id,
            forward_limit_wh=feeder.import_limit_wh,
            backward_limit_wh=feeder.export_limit_wh,
            fee_jeon_per_kwh=feeder.wheeling_fee_jeon_per_kwh,
        )
        for feeder in feeders
    ]


def clear_on_lines(orders: Sequence[Order], lines: Sequence[PowerLine]) -> LinearAnswer:
    """Clear one auction on any network of lines, each flow being free within its limits (transport model)."""
    if not orders:
        return LinearAnswer(welfare_jeon_wh=0.0, filled_wh=(), flow_wh=(0.0,) * len(lines), price_jeon_per_kwh={})
    model = _model(orders, lines)
    solver = Highs()
    solver.highs_options = {"threads": 1}
    solver.config.load_solution = False
    result = solver.solve(model)
    if result.termination_condition is not TerminationCondition.optimal:
        raise NotSolved(f"clearing: HiGHS must find an optimum, was {result.termination_condition.name}")
    solver.load_vars()
    duals = solver.get_duals()
    return LinearAnswer(
        welfare_jeon_wh=pyo.value(model.welfare),
        filled_wh=tuple(model.filled_wh[position].value for position in model.order),
        flow_wh=tuple(model.forward_wh[line].value - model.backward_wh[line].value for line in model.line),
        price_jeon_per_kwh={
            place: -duals[model.balance[number]] for number, place in enumerate(_places(orders, lines))
        },
    )


def _places(orders: Sequence[Order], lines: Sequence[PowerLine]) -> list[str | None]:
    ends = [end for line in lines for end in (line.start, line.end)]
    return list(dict.fromkeys([None, *ends, *(order.feeder_id for order in orders)]))


def _model(orders: Sequence[Order], lines: Sequence[PowerLine]) -> pyo.ConcreteModel:
    model = pyo.ConcreteModel()
    places = _places(orders, lines)
    number_of = {place: number for number, place in enumerate(places)}
    model.order = pyo.RangeSet(0, len(orders) - 1)
    model.line = pyo.RangeSet(0, len(lines) - 1)
    model.place = pyo.RangeSet(0, len(places) - 1)
    model.filled_wh = pyo.Var(model.order, bounds=lambda _, position: (0, orders[position].quantity_wh))
    model.forward_wh = pyo.Var(model.line, bounds=lambda _, line: (0, lines[line].forward_limit_wh))
    model.backward_wh = pyo.Var(model.line, bounds=lambda _, line: (0, lines[line].backward_limit_wh))
    model.welfare = pyo.Objective(expr=_welfare(model, orders, lines), sense=pyo.maximize)
    arriving: list[list[object]] = [[] for _ in places]
    for line, ends in enumerate(lines):
        flow = model.forward_wh[line] - model.backward_wh[line]
        arriving[number_of[ends.end]].append(flow)
        arriving[number_of[ends.start]].append(-flow)
    for position, order in enumerate(orders):
        filled = model.filled_wh[position]
        arriving[number_of[order.feeder_id]].append(filled if order.side == "sell" else -filled)
    model.balance = pyo.Constraint(model.place, rule=lambda _, place: _balance(arriving[place]))
    return model


def _welfare(model: pyo.ConcreteModel, orders: Sequence[Order], lines: Sequence[PowerLine]) -> object:
    """Σ limit·bought - Σ limit·sold - Σ fee·(forward + backward), to be maximised."""
    signed = (order.price_jeon_per_kwh * (1 if order.side == "buy" else -1) for order in orders)
    return pyo.quicksum(limit * model.filled_wh[position] for position, limit in enumerate(signed)) - pyo.quicksum(
        ends.fee_jeon_per_kwh * (model.forward_wh[line] + model.backward_wh[line]) for line, ends in enumerate(lines)
    )


def _balance(arriving: Sequence[object]) -> object:
    """Σ sold + Σ arriving = Σ bought + Σ leaving, at each place."""
    return pyo.quicksum(arriving) == 0 if arriving else pyo.Constraint.Feasible
