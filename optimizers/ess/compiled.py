"""Compile the model once per shape, then stamp each case's numbers into its arrays.

Every coefficient, cost and right-hand side of the compiled model is affine in the case's numbers, so a shape is kept
as three affine maps and stamping a case is three sparse products.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyo
from pyomo.core.expr.numvalue import native_numeric_types
from pyomo.repn import generate_standard_repn
from pyomo.repn.plugins.parameterized_standard_form import ParameterizedLinearStandardFormCompiler

from optimizers.ess import fleet_model
from optimizers.ess import model as ess_model
from optimizers.ess.fleet_model import FleetShape
from optimizers.ess.model import Numbers, Shape
from shared.arrays import Floats

Indices = npt.NDArray[np.int32]

# Shapes kept compiled: a service meets a few horizons with a handful of flags each.
SHAPES_KEPT = 64
FLEET_SHAPES_KEPT = 8

AnyShape = TypeVar("AnyShape", Shape, FleetShape)


@dataclass(frozen=True, slots=True)
class AffineMap:
    """values[i] = constant[i] + Σ factor[k]·number[k] over the entries k whose row is i."""

    constant: Floats
    row: Indices
    number: Indices
    factor: Floats

    def at(self, numbers: Floats) -> Floats:
        """Return the values at the case's numbers."""
        values = self.constant.copy()
        # Every number may be infinite (no limit); only entries that use it see it.
        np.add.at(values, self.row, self.factor * numbers[self.number])
        return values


@dataclass(frozen=True, slots=True)
class Compiled(Generic[AnyShape]):
    """One shape's matrix (by column), the place of every named row and column, and its open numbers.

    Args:
        number_lengths: Name and length of each number, in the order the maps index them.
        senses: For each row: 0 equality, 1 upper limit, -1 lower limit.
        costs: Objective name to its affine map over columns.
    """

    shape: AnyShape
    number_lengths: Mapping[str, int]
    columns: Mapping[str, slice]
    rows: Mapping[str, slice]
    starts: Indices
    indices: Indices
    coefficients: AffineMap
    right_sides: AffineMap
    senses: Indices
    costs: Mapping[str, AffineMap]

    @property
    def column_count(self) -> int:
        """Return how many variables the shape has."""
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Arrays:
    """A case in the form the solver takes: minimise cost·x, row_lower <= A·x <= row_upper, lower <= x <= upper."""

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    starts: Indices
    indices: Indices
    coefficients: Floats


@lru_cache(maxsize=SHAPES_KEPT)
def compile_shape(shape: Shape) -> Compiled[Shape]:
    """Compile the Pyomo model of a site's shape with its numbers left open."""
    return _compiled(shape, ess_model.build(shape), ess_model.number_names(shape))


@lru_cache(maxsize=FLEET_SHAPES_KEPT)
def compile_fleet(shape: FleetShape) -> Compiled[FleetShape]:
    """Compile the Pyomo model of many sites' shape with its numbers left open."""
    return _compiled(shape, fleet_model.build(shape), fleet_model.number_names(shape))


def _compiled(shape: AnyShape, model: pyo.ConcreteModel, lengths: dict[str, int]) -> Compiled[AnyShape]:
    open_numbers = [model.find_component(name) for name in lengths]
    place = {id(var): k for k, var in enumerate(_members(open_numbers))}
    # Naming the order keeps the columns of one family together, and a smoothed shape's first ones like its parent's.
    families = [var for var in model.component_objects(pyo.Var, descend_into=True) if var.name not in lengths]
    info = ParameterizedLinearStandardFormCompiler().write(
        model, mixed_form=True, column_order=list(_members(families)), wrt=open_numbers
    )
    return Compiled(
        shape=shape,
        number_lengths=lengths,
        columns=_spans(column.parent_component().name for column in info.columns),
        rows=_spans(row.constraint.parent_component().name for row in info.rows),
        starts=np.asarray(info.A.indptr, dtype=np.int32),
        indices=np.asarray(info.A.indices, dtype=np.int32),
        coefficients=_affine(info.A.data, place),
        right_sides=_affine(info.rhs, place),
        senses=np.array([row.bound_type for row in info.rows], dtype=np.int32),
        costs={o.name: _affine(_dense_row(info.c, k), place) for k, o in enumerate(info.objectives)},
    )


def stamp(
    compiled: Compiled[AnyShape], numbers: Numbers, bounds: Mapping[str, tuple[Floats, Floats]], objective: str
) -> Arrays:
    """Write a case's numbers into the arrays of its shape.

    Args:
        compiled: The shape.
        numbers: A value for every name in `compiled.number_lengths`.
        bounds: Column family to its lower and upper bounds; others are 0 and infinity.
        objective: Name of the objective to minimise.
    """
    flat = np.concatenate([np.atleast_1d(numbers[name]) for name in compiled.number_lengths])
    lower = np.zeros(compiled.column_count)
    upper = np.full(compiled.column_count, np.inf)
    for family, (low, high) in bounds.items():
        if family in compiled.columns:
            lower[compiled.columns[family]] = low
            upper[compiled.columns[family]] = high
    right = compiled.right_sides.at(flat)
    return Arrays(
        cost=compiled.costs[objective].at(flat),
        lower=lower,
        upper=upper,
        row_lower=np.where(compiled.senses == 1, -np.inf, right),
        row_upper=np.where(compiled.senses == -1, np.inf, right),
        starts=compiled.starts,
        indices=compiled.indices,
        coefficients=compiled.coefficients.at(flat),
    )


def _members(families: Iterable[pyo.Var]) -> Iterator[object]:
    for family in families:
        yield from family.values()


def _spans(names: Iterable[str]) -> dict[str, slice]:
    """Return where each family stands; its members are consecutive."""
    spans: dict[str, slice] = {}
    for place, name in enumerate(names):
        start = spans[name].start if name in spans else place
        if name in spans and spans[name].stop != place:
            raise ValueError(f"members of {name} must be consecutive, member at {place} is not")
        spans[name] = slice(start, place + 1)
    return spans


def _dense_row(matrix: object, row: int) -> list[object]:
    dense: list[object] = [0.0] * matrix.shape[1]  # type: ignore[attr-defined] # Pyomo's own sparse type, untyped
    starts, indices, entries = matrix.indptr, matrix.indices, matrix.data  # type: ignore[attr-defined] # as above
    for column in range(len(dense)):
        for k in range(starts[column], starts[column + 1]):
            if indices[k] == row:
                dense[column] = entries[k]
    return dense


def _affine(entries: Iterable[object], place: Mapping[int, int]) -> AffineMap:
    constant: list[float] = []
    row: list[int] = []
    number: list[int] = []
    factor: list[float] = []
    for i, entry in enumerate(entries):
        if type(entry) in native_numeric_types:
            constant.append(float(entry))  # type: ignore[arg-type] # just found to be a number
            continue
        repn = generate_standard_repn(entry)
        if not repn.is_linear():
            raise ValueError(f"every entry must be affine in the case's numbers, was {entry}")
        constant.append(float(repn.constant))
        for coefficient, var in zip(repn.linear_coefs, repn.linear_vars, strict=True):
            row.append(i)
            number.append(place[id(var)])
            factor.append(float(coefficient))
    return AffineMap(np.array(constant), np.array(row, np.int32), np.array(number, np.int32), np.array(factor))
