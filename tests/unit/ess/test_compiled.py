from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optimizers.ess import model as ess_model
from optimizers.ess.case import Case, DemandCharge
from optimizers.ess.compiled import Arrays, Compiled, compile_shape, stamp
from optimizers.ess.formulate import bounds_of, numbers_of, shape_of
from optimizers.ess.model import Shape
from tests.unit.ess.cases import a_battery, a_case

LOSSY = a_battery(
    charge_efficiency=0.93, discharge_efficiency=0.88, soc_min=0.1, soc_max=0.9, cycle_cost_krw_per_kwh=7.5
)


def a_priced_case(*, curtailable: bool, battery: bool) -> Case:
    return a_case(
        [90, 30, 10, 70, 20],
        pv_kw=[0, 12, 55, 31, 3],
        buy=[101, 57, -3, 230, 0],
        sell=[60, 45, -9, 250, 11],
        step_minutes=5.0,
        demand_charge_krw_per_kw=8_320.0,
        prior_peak_kw=25.0,
        demand_counts=np.array([True, False, True, True, True]),
        more_demand=(DemandCharge(charge_krw_per_kw=1_000.0, prior_peak_kw=31.0),),
        bought_kw=np.array([5.0, 0, 0, 0, 0]),
        sold_kw=np.array([0, 3.0, 0, 0, 0]),
        charge_kw_before=11.0,
        import_limit_kw=80.0,
        export_limit_kw=40.0,
        pv_curtailable=curtailable,
        battery=LOSSY if battery else None,
    )


def shapes_of(case: Case) -> list[Shape]:
    exclusive = [shape_of(case, relaxed=relaxed, exclusive=True) for relaxed in (False, True)]
    plain = [shape_of(case, relaxed=relaxed) for relaxed in (False, True)]
    return plain + exclusive + ([shape.smoothed() for shape in plain] if case.battery is not None else [])


@pytest.mark.parametrize("curtailable", [False, True])
@pytest.mark.parametrize("battery", [False, True])
def test_stamped_case_equals_a_fresh_compile(*, curtailable: bool, battery: bool) -> None:
    case = a_priced_case(curtailable=curtailable, battery=battery)
    numbers = numbers_of(case, violation_max=3.25)

    for shape in shapes_of(case):
        compiled = compile_shape(shape)
        model = ess_model.build(shape, numbers)
        fresh = LinearStandardFormCompiler().write(model, mixed_form=True)
        for objective in compiled.costs:
            stamped = stamp(compiled, numbers, bounds_of(case), objective)
            assert_same(compiled, stamped, fresh, objective)


def assert_same(compiled: Compiled[Shape], stamped: Arrays, fresh: Any, objective: str) -> None:
    columns = [place(compiled.columns, column) for column in fresh.columns]
    rows = [place(compiled.rows, row.constraint) for row in fresh.rows]
    dense = np.zeros((len(stamped.row_lower), len(stamped.cost)))
    for column in range(len(stamped.cost)):
        span = slice(stamped.starts[column], stamped.starts[column + 1])
        dense[stamped.indices[span], column] = stamped.coefficients[span]
    fresh_dense = np.zeros_like(dense)
    fresh_dense[np.ix_(rows, columns)] = fresh.A.todense()
    np.testing.assert_allclose(dense, fresh_dense, rtol=1e-14)
    which = [o.name for o in fresh.objectives].index(objective)
    fresh_cost = np.zeros_like(stamped.cost)
    fresh_cost[columns] = fresh.c.todense()[which]
    np.testing.assert_allclose(stamped.cost, fresh_cost, rtol=1e-14)
    lower, upper = np.full(len(dense), -np.inf), np.full(len(dense), np.inf)
    for row, entry, right in zip(rows, fresh.rows, fresh.rhs, strict=True):
        if entry.bound_type <= 0:
            lower[row] = right
        if entry.bound_type >= 0:
            upper[row] = right
    np.testing.assert_allclose(stamped.row_lower, lower, rtol=1e-14)
    np.testing.assert_allclose(stamped.row_upper, upper, rtol=1e-14)


def place(spans: Any, component: Any) -> int:
    family = component.parent_component()
    start: int = spans[family.name].start
    return start + list(family.keys()).index(component.index())


def test_smoothed_shape_begins_with_the_rows_and_columns_of_its_parent() -> None:
    for relaxed in (False, True):
        parent = shape_of(a_priced_case(curtailable=True, battery=True), relaxed=relaxed)
        plain, smooth = compile_shape(parent), compile_shape(parent.smoothed())

        assert {name: smooth.columns[name] for name in plain.columns} == plain.columns
        assert {name: smooth.rows[name] for name in plain.rows} == plain.rows


def test_shape_is_compiled_once() -> None:
    shape = shape_of(a_priced_case(curtailable=True, battery=True))

    assert compile_shape(shape) is compile_shape(shape)


def test_every_variable_of_the_model_has_a_place() -> None:
    shape = shape_of(a_priced_case(curtailable=True, battery=True), relaxed=True, exclusive=True)
    model = ess_model.build(shape)

    families = {var.name for var in model.component_objects(pyo.Var)} - set(ess_model.number_names(shape))

    assert set(compile_shape(shape).columns) == families
