"""Prices at which every accepted block lives: of those that support the fills, the nearest to the midpoints.

A mixed-integer program, as prices are whole jeon. Its floats go no further than to whole numbers, which are held
against the rows again. Symbols are in optimizers/README.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import pyomo.environ as pyo
from pyomo.contrib.appsi.base import TerminationCondition
from pyomo.contrib.appsi.solvers import Highs
from pyomo.core.expr.numeric_expr import LinearExpression

from optimizers.clearing.block_book import Block
from optimizers.clearing.local import PriceRange
from optimizers.clearing.support import Prices, Support
from shared.units import round_half_up

# How far a price may go where no simple order bounds it: so many times the spread of all limits beyond its midpoint.
REACH = 10
# The search for whole prices ends for certain; small days need some tens.
NODES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One interval in which blocks run: what its prices must keep to, and what they are nearest to."""

    support: Support
    midpoints: Prices


def living_prices(stages: Mapping[int, Stage], blocks: Sequence[Block], tick_jeon: int) -> dict[int, Prices] | None:
    """Return prices of the intervals at which no block loses, or None where the search finds none.

    They are multiples of the tick where such prices exist; else, all of them may be any whole jeon.

    Args:
        stages: By interval, of all intervals of the blocks.
        blocks: Those that are accepted; each has a price at its place in each of its intervals.
        tick_jeon: Step of prices.
    """
    for step in sorted({1, tick_jeon}, reverse=True):
        columns = list(_columns(stages, blocks, step))
        place_of = {(column.interval, column.place): n for n, column in enumerate(columns)}
        rows = [*_gains(blocks, columns, place_of), *_gaps(stages, columns, place_of)]
        steps = _solved(columns, rows)
        if steps is not None and all(row.holds(steps) for row in rows):
            prices: dict[int, Prices] = {interval: dict(stage.midpoints) for interval, stage in stages.items()}
            for column, taken in zip(columns, steps, strict=True):
                prices[column.interval][column.place] = column.base + column.step * taken
            return prices
    return None


@dataclass(frozen=True, slots=True)
class _Column:
    """One price: `base` and a whole number of steps between `low` and `high`."""

    interval: int
    place: str | None
    midpoint: int
    base: int
    step: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A sum of steps that must not be above a limit."""

    terms: tuple[tuple[int, int], ...]
    limit: int

    def holds(self, steps: Sequence[int]) -> bool:
        """Say whether whole steps keep to it, exactly."""
        return sum(factor * steps[n] for n, factor in self.terms) <= self.limit


def _columns(stages: Mapping[int, Stage], blocks: Sequence[Block], step: int) -> Iterator[_Column]:
    limits = [block.price_jeon_per_kwh for block in blocks]
    limits += [price for stage in stages.values() for price in stage.midpoints.values() if price is not None]
    for stage in stages.values():
        for content in stage.support.content.values():
            limits += [end for end in (content.low, content.high) if end is not None]
    reach = REACH * (max(limits) - min(limits) + step)
    for interval, stage in stages.items():
        for place, midpoint in stage.midpoints.items():
            if midpoint is not None:
                yield _column(interval, place, midpoint, stage.support.content[place], step, reach)


def _column(interval: int, place: str | None, midpoint: int, content: PriceRange, step: int, reach: int) -> _Column:
    low = midpoint - reach if content.low is None else content.low
    high = midpoint + reach if content.high is None else content.high
    base = round_half_up(midpoint, step) * step
    first, last = -((base - low) // step), (high - base) // step
    if first > last:
        return _Column(interval, place, midpoint, midpoint, 1, low - midpoint, high - midpoint)
    return _Column(interval, place, midpoint, base, step, first, last)


def _gains(
    blocks: Sequence[Block], columns: Sequence[_Column], place_of: Mapping[tuple[int, str | None], int]
) -> Iterator[_Row]:
    """Yield for each block that it does not pay more, or receive less, than its own price over all its intervals."""
    for block in blocks:
        sign = 1 if block.side == "buy" else -1
        # Without feeders all are at one place.
        legs = [
            (place_of.get((interval, block.feeder_id), place_of.get((interval, None), -1)), quantity_wh)
            for interval, quantity_wh in block.legs()
        ]
        yield _row(
            [(n, sign * quantity_wh * columns[n].step) for n, quantity_wh in legs],
            sum(sign * quantity_wh * (block.price_jeon_per_kwh - columns[n].base) for n, quantity_wh in legs),
        )


def _gaps(
    stages: Mapping[int, Stage], columns: Sequence[_Column], place_of: Mapping[tuple[int, str | None], int]
) -> Iterator[_Row]:
    """Yield what a feeder's price may be above the hub's."""
    for (interval, place), n in place_of.items():
        hub = place_of.get((interval, None))
        if place is None or hub is None:
            continue
        gap, base_gap = stages[interval].support.gaps[place], columns[n].base - columns[hub].base
        above = [(n, columns[n].step), (hub, -columns[hub].step)]
        if gap.high is not None:
            yield _row(above, gap.high - base_gap)
        if gap.low is not None:
            yield _row([(column, -factor) for column, factor in above], base_gap - gap.low)


def _row(terms: Sequence[tuple[int, int]], limit: int) -> _Row:
    """Divide by what all factors share: their sum is whole, so that small numbers say the same."""
    shared = gcd(*(factor for _, factor in terms))
    return _Row(tuple((n, factor // shared) for n, factor in terms), limit // shared)


def _solved(columns: Sequence[_Column], rows: Sequence[_Row]) -> list[int] | None:
    """Return the whole steps that keep to all rows with the least sum of distances to the midpoints."""
    model = pyo.ConcreteModel()
    model.column = pyo.RangeSet(0, len(columns) - 1)
    model.steps = pyo.Var(model.column, domain=pyo.Integers, bounds=lambda _, n: (columns[n].low, columns[n].high))
    model.distance = pyo.Var(model.column, domain=pyo.NonNegativeReals)

    def is_at_most(_: pyo.ConcreteModel, row: int) -> object:
        factors, places = [factor for _, factor in rows[row].terms], [model.steps[n] for n, _ in rows[row].terms]
        return LinearExpression(constant=0, linear_coefs=factors, linear_vars=places) <= rows[row].limit

    model.row = pyo.Constraint(range(len(rows)), rule=is_at_most)
    off = [column.base - column.midpoint + column.step * model.steps[n] for n, column in enumerate(columns)]
    model.above = pyo.Constraint(model.column, rule=lambda model, n: model.distance[n] >= off[n])
    model.below = pyo.Constraint(model.column, rule=lambda model, n: model.distance[n] >= -off[n])
    model.nearest = pyo.Objective(expr=sum(model.distance[n] for n in model.column), sense=pyo.minimize)
    solver = Highs()
    solver.config.load_solution = False
    solver.config.stream_solver = False
    solver.config.mip_gap = 0.0
    solver.highs_options = {"threads": 1, "random_seed": 1, "mip_max_nodes": NODES_MAX}
    results = solver.solve(model)
    if results.termination_condition != TerminationCondition.optimal:
        return None
    results.solution_loader.load_vars([model.steps[n] for n in model.column])
    return [round(pyo.value(model.steps[n])) for n in model.column]
