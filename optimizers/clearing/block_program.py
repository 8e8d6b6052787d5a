"""Which blocks to accept: a mixed-integer program over a day, in floats, good to its gap.

It only chooses. Prices, fills and payments of what it chose come from the exact auctions of the intervals
(optimizers/clearing/blocks.py). Symbols are in optimizers/README.md.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyomo.environ as pyo
from pyomo.contrib.appsi.base import TerminationCondition
from pyomo.contrib.appsi.solvers import Highs

from optimizers.clearing.block_book import Block
from optimizers.clearing.book import Feeder, Order
from shared.units import WH_PER_KWH

GAP = 1e-4
# A binary above this is a yes; HiGHS keeps integers to 1e-6.
_YES = 0.5

Place = tuple[int, str | None]


@dataclass(frozen=True, slots=True)
class Choice:
    """The blocks to accept, by position.

    Args:
        accepted: The best ones beside what was chosen before, to the gap.
        gap: How far the choice may be from the best one (relative to its welfare).
        welfare_jeon_wh_max: What no set that is left can exceed.
    """

    accepted: frozenset[int]
    gap: float
    welfare_jeon_wh_max: float


def choices(
    orders: Sequence[Sequence[Order]],
    blocks: Sequence[Block],
    feeders: Sequence[Feeder],
    time_limit_s: float,
    *,
    later: int,
) -> Iterator[Choice]:
    """Yield the welfare-optimal blocks to a gap of 1e-4, then the best without what was chosen before.

    Ends where a choice is not reached within its time: the limit for the first one, its share of the limit for each
    of the later ones; or where no set is left.
    """
    model = _program(orders, blocks, feeders)
    model.without = pyo.ConstraintList()
    solver = Highs()
    solver.config.load_solution = False
    solver.config.stream_solver = False
    solver.config.mip_gap = GAP
    solver.highs_options = {"threads": 1, "random_seed": 1}
    for number in range(1 + later):
        solver.config.time_limit = time_limit_s / later if number else time_limit_s
        results = solver.solve(model)
        if results.termination_condition != TerminationCondition.optimal:
            return
        results.solution_loader.load_vars([model.accepted[position] for position in model.block])
        accepted = frozenset(position for position in model.block if pyo.value(model.accepted[position]) > _YES)
        found, bound = results.best_feasible_objective, results.best_objective_bound
        yield Choice(accepted, abs(bound - found) / max(abs(found), 1.0), bound * WH_PER_KWH)
        changed = [
            1 - model.accepted[position] if position in accepted else model.accepted[position]
            for position in model.block
        ]
        model.without.add(sum(changed) >= 1)


def _program(
    orders: Sequence[Sequence[Order]], blocks: Sequence[Block], feeders: Sequence[Feeder]
) -> pyo.ConcreteModel:
    """Build the program; energy in kWh and prices in jeon/kWh keep its numbers near one another."""
    model = pyo.ConcreteModel()
    simple = [(interval, order) for interval, book in enumerate(orders) for order in book]
    model.order = pyo.RangeSet(0, len(simple) - 1)
    model.block = pyo.RangeSet(0, len(blocks) - 1)
    model.line = pyo.Set(initialize=range(len(feeders) * len(orders)), ordered=True)
    model.filled_kwh = pyo.Var(model.order, bounds=lambda _, n: (0, simple[n][1].quantity_wh / WH_PER_KWH))
    model.accepted = pyo.Var(model.block, domain=pyo.Binary)
    limits = [(_kwh(one.import_limit_wh), _kwh(one.export_limit_wh)) for one in feeders]
    model.import_kwh = pyo.Var(model.line, bounds=lambda _, n: (0, limits[n % len(feeders)][0]))
    model.export_kwh = pyo.Var(model.line, bounds=lambda _, n: (0, limits[n % len(feeders)][1]))
    arriving: defaultdict[Place, list[tuple[float, object]]] = defaultdict(list)
    welfare: list[tuple[float, object]] = []
    for n, (interval, order) in enumerate(simple):
        sign = 1 if order.side == "sell" else -1
        arriving[interval, order.feeder_id if feeders else None].append((sign, model.filled_kwh[n]))
        welfare.append((-sign * order.price_jeon_per_kwh, model.filled_kwh[n]))
    for n, block in enumerate(blocks):
        sign = 1 if block.side == "sell" else -1
        for interval, quantity_wh in block.legs():
            place = (interval, block.feeder_id if feeders else None)
            arriving[place].append((sign * quantity_wh / WH_PER_KWH, model.accepted[n]))
        value = -sign * block.price_jeon_per_kwh * sum(block.quantity_wh) / WH_PER_KWH
        welfare.append((value, model.accepted[n]))
    for n in model.line:
        interval, feeder = n // len(feeders), feeders[n % len(feeders)]
        net = [(1.0, model.import_kwh[n]), (-1.0, model.export_kwh[n])]
        arriving[interval, feeder.feeder_id] += net
        arriving[interval, None] += [(-factor, flow) for factor, flow in net]
        welfare += [(-feeder.wheeling_fee_jeon_per_kwh, flow) for _, flow in net]
    places = list(arriving)
    # Energy sold and arriving is energy bought and leaving, at each place in each interval.
    model.balance = pyo.Constraint(range(len(places)), rule=lambda _, n: _linear(arriving[places[n]]) == 0)
    model.welfare = pyo.Objective(expr=_linear(welfare), sense=pyo.maximize)
    return model


def _linear(terms: Sequence[tuple[float, object]]) -> object:
    from pyomo.core.expr.numeric_expr import LinearExpression

    factors, variables = zip(*terms, strict=True)
    return LinearExpression(constant=0, linear_coefs=list(factors), linear_vars=list(variables))


def _kwh(limit_wh: int | None) -> float | None:
    return None if limit_wh is None else limit_wh / WH_PER_KWH
