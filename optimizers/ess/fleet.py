"""Schedule many sites at once: behind feeders with limits, around shared batteries, or one site's scenarios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from optimizers.ess.case import Battery, Case, Schedule, SolveRecord
from optimizers.ess.compiled import Arrays, Compiled, compile_fleet, stamp
from optimizers.ess.fleet_model import FleetShape
from optimizers.ess.formulate import Bounds, Directions, bounds_of, numbers_of, shape_of
from optimizers.ess.optimum import FLOW_TOLERANCE_KW, VIOLATION_SLACK, flows_opposed, optimal_face
from optimizers.ess.plan import VIOLATION_TOLERANCE, PowerPlan, cost_krw, plan_of
from optimizers.ess.schedule import Worth, described, plan_without_battery
from optimizers.ess.solver import SolvedArrays, Solver, SolverFailed
from shared.arrays import Flags, Floats
from shared.errors import BadInput


@dataclass(frozen=True, slots=True)
class FeederCap:
    """What may flow through a feeder, to and from the sites behind it (by place in the fleet); None for no limit."""

    sites: tuple[int, ...]
    import_limit_kw: float | None = None
    export_limit_kw: float | None = None


@dataclass(frozen=True, slots=True)
class SharedBattery:
    """A battery that several sites own shares of: each has its part of the store, and the converter is common.

    Args:
        battery: The whole of it; soc_initial is the same for every share.
        shares: The part of the store that each site (by its place in the fleet) owns; at most 1 together.
    """

    battery: Battery
    shares: Mapping[int, float]

    def __post_init__(self) -> None:
        total = sum(self.shares.values())
        if min(self.shares.values(), default=0.0) < 0.0 or total > 1.0 + 1e-9:
            rule = "must be >= 0 and at most 1 together"
            raise BadInput(where="fleet", field="$.shared.shares", rule=rule, value=dict(self.shares))

    def part(self, site: int) -> Battery:
        """Return a site's share as a battery of its own; the converter's limits are those of the whole."""
        return replace(self.battery, capacity_kwh=self.battery.capacity_kwh * self.shares[site])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """Sites over the same steps, and what they share.

    Args:
        sites: The sites; one that owns a share of a battery has none of its own.
        feeders: The feeders that limit them.
        shared: The batteries that they share.
        tied_steps: First steps in which all do the same: they are one site's scenarios, and this is decided now.
        caution: How scenarios are weighed, from 0 (mean cost) to 1 (mean cost of the worst tenth); None: no scenarios.
    """

    sites: tuple[Case, ...]
    feeders: tuple[FeederCap, ...] = ()
    shared: tuple[SharedBattery, ...] = ()
    tied_steps: int = 0
    caution: float | None = None

    def __post_init__(self) -> None:
        places = {site for shared in self.shared for site in shared.shares}
        if any(self.sites[site].battery is not None for site in places):
            raise BadInput(where="fleet", field="$.shared", rule="must be a site's only battery", value=sorted(places))
        if len({(case.steps, case.step_minutes) for case in self.sites}) != 1:
            steps = [case.steps for case in self.sites]
            raise BadInput(where="fleet", field="$.sites", rule="must have the same steps", value=steps)

    def cases(self) -> tuple[Case, ...]:
        """Return every site with its own battery or its share of one."""
        cases = list(self.sites)
        for shared in self.shared:
            for site in shared.shares:
                cases[site] = replace(cases[site], battery=shared.part(site))
        return tuple(cases)


@dataclass(frozen=True, slots=True)
class FeederExcess:
    """A feeder's limit that gave way in a step."""

    feeder: int
    step: int
    direction: str
    excess_kw: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FleetSchedule:
    """The answer: a schedule for each site, and where a feeder's limit gave way.

    Args:
        cost_krw: Sum of the sites' costs; of scenarios, what was minimised.
    """

    status: str
    cost_krw: float
    schedules: tuple[Schedule, ...]
    feeder_violations: tuple[FeederExcess, ...]
    solve: SolveRecord


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """An LP's answer, read as plans."""

    compiled: Compiled[FleetShape]
    arrays: Arrays
    answer: SolvedArrays
    plans: tuple[PowerPlan, ...]
    milp: bool = False
    gap: float = 0.0


@dataclass
class FleetSolver:
    """Solves fleets one after the other; one of a shape that was met before starts where the last one ended."""

    solver: Solver = field(default_factory=lambda: Solver(large=True))

    def solve(self, fleet: Fleet) -> FleetSchedule:
        """Return the least-cost schedule of all sites; where limits can't be met, of the least violation."""
        began, solving_before = perf_counter(), self.solver.seconds
        problem = _Problem(fleet, fleet.cases(), self.solver)
        optimum = problem.best()
        seconds_solve = self.solver.seconds - solving_before
        record = SolveRecord(
            method="milp" if optimum.milp else "lp",
            seconds_build=perf_counter() - began - seconds_solve,
            seconds_solve=seconds_solve,
            gap=optimum.gap,
        )
        schedules = tuple(problem.schedule(s, optimum, record) for s in range(len(fleet.sites)))
        excesses = _feeder_excesses(fleet, optimum.plans)
        relaxed = bool(excesses) or any(schedule.status == "relaxed" for schedule in schedules)
        costs = [cost_krw(case, plan) for case, plan in zip(problem.cases, optimum.plans, strict=True)]
        return FleetSchedule(
            status="relaxed" if relaxed else "optimal",
            cost_krw=sum(costs) if fleet.caution is None else optimum.answer.objective,
            schedules=schedules,
            feeder_violations=excesses,
            solve=record,
        )


class _Problem:
    """One fleet on its way to an answer: LP first, binaries where it fails, limits given way only if they must."""

    def __init__(self, fleet: Fleet, cases: tuple[Case, ...], solver: Solver) -> None:
        self.cases = cases
        self._fleet = fleet
        self._solver = solver
        self._steps = cases[0].steps
        self._free = tuple(Directions.free(self._steps) for _ in cases)

    def best(self) -> _Found:
        for relaxed in (False, True):
            optimum = self._lp(self._free, relaxed=relaxed)
            if optimum is None:
                continue
            masks = self._opposed(optimum)
            if not any(mask.any() for mask in masks):
                return optimum
            for steps in (masks, [np.ones_like(mask) for mask in masks]):
                chosen = self._milp(steps, relaxed=relaxed)
                optimum = None if chosen is None else self._lp(chosen[0], relaxed=relaxed)
                if (
                    chosen is not None
                    and optimum is not None
                    and not any(mask.any() for mask in self._opposed(optimum))
                ):
                    return replace(optimum, milp=True, gap=chosen[1])
        raise SolverFailed("a relaxed fleet must have a plan, HiGHS found none")

    def schedule(self, s: int, found: _Found, record: SolveRecord) -> Schedule:
        """Return one site's part of the answer; in scenarios its duals are those of its own weight in the mean."""
        case, compiled, duals = self.cases[s], found.compiled, found.answer.row_duals
        scale = case.step_h * (1.0 if self._fleet.caution is None else 1.0 / len(self.cases))
        shape = compiled.shape.sites[s]
        lengths = np.array([len(shape.window(w)) for w in range(shape.windows)])
        per_kw = np.repeat(
            duals[compiled.rows[f"site[{s}].demand"]].reshape(-1, shape.windows) / lengths, lengths, axis=1
        )
        counts = numbers_of(case)["counts_for_peak"].reshape(-1, case.steps)
        energy = duals[compiled.rows[f"site[{s}].balance"]] / scale
        worth = Worth(energy, energy - np.sum(per_kw * counts, axis=0) / scale)
        return described(case, found.plans[s], worth, plan_without_battery(self._solver, case), record)

    def _shape(self, *, relaxed: bool, exclusive: bool) -> FleetShape:
        fleet = self._fleet
        return FleetShape(
            sites=tuple(shape_of(case, relaxed=relaxed, exclusive=exclusive) for case in self.cases),
            feeders=tuple(feeder.sites for feeder in fleet.feeders),
            batteries=tuple(tuple(shared.shares) for shared in fleet.shared),
            tied_steps=fleet.tied_steps,
            caution=fleet.caution,
        )

    def _numbers(self, violation_max: float = np.inf) -> dict[str, Floats]:
        fleet = self._fleet
        numbers = {
            f"site[{s}].{name}": number
            for s, case in enumerate(self.cases)
            for name, number in numbers_of(case, violation_max=np.inf).items()
        }
        most = [_reach_kw(self.cases, feeder.sites) for feeder in fleet.feeders]
        return numbers | {
            "feeder_import_kw": np.array(
                [_limit(f.import_limit_kw, kw) for f, kw in zip(fleet.feeders, most, strict=True)]
            ),
            "feeder_export_kw": np.array(
                [_limit(f.export_limit_kw, kw) for f, kw in zip(fleet.feeders, most, strict=True)]
            ),
            "shared_charge_kw": np.array([shared.battery.max_charge_kw for shared in fleet.shared]),
            "shared_discharge_kw": np.array([shared.battery.max_discharge_kw for shared in fleet.shared]),
            "fleet_violation_max": np.array(violation_max),
        }

    def _bounds(self, directions: Sequence[Directions], *, relaxed: bool) -> Bounds:
        bounds: Bounds = {}
        for s, (case, closed) in enumerate(zip(self.cases, directions, strict=True)):
            named = bounds_of(case, relaxed=relaxed, directions=closed).items()
            bounds |= {f"site[{s}].{family}": limits for family, limits in named}
        bounds["tail_from_krw"] = (np.array(-np.inf), np.array(np.inf))
        bounds["shared_is_charging"] = (np.array(0.0), np.array(1.0))
        return bounds

    def _lp(self, directions: Sequence[Directions], *, relaxed: bool) -> _Found | None:
        compiled = compile_fleet(self._shape(relaxed=relaxed, exclusive=False))
        numbers, bounds = self._numbers(), self._bounds(directions, relaxed=relaxed)
        arrays = stamp(compiled, numbers, bounds, "cost_krw")
        if relaxed:
            violating = stamp(compiled, numbers, bounds, "violation")
            lowest = self._solver.optimum(violating)
            if lowest is None:
                return None
            arrays = optimal_face(violating, lowest, arrays)
            answer = self._solver.optimum(arrays, basis=lowest.basis)
        else:
            answer = self._solver.optimum(arrays, series=compiled.shape)
        if answer is None:
            return None
        return _Found(compiled, arrays, answer, self._plans(compiled, answer.x))

    def _milp(self, steps: Sequence[Flags], *, relaxed: bool) -> tuple[list[Directions], float] | None:
        compiled = compile_fleet(self._shape(relaxed=relaxed, exclusive=True))
        integral = np.zeros(compiled.column_count, bool)
        for s, mask in enumerate(steps):
            for family in (f"site[{s}].is_importing", f"site[{s}].is_charging"):
                if family in compiled.columns:
                    integral[compiled.columns[family]] = mask
        for b, shared in enumerate(self._fleet.shared):
            columns = compiled.columns["shared_is_charging"]
            of_battery = np.arange(columns.start + b * self._steps, columns.start + (b + 1) * self._steps)
            integral[of_battery] = np.any([steps[s] for s in shared.shares], axis=0)
        bounds, cap, known = self._bounds(self._free, relaxed=relaxed), np.inf, None
        if relaxed:
            lowest = self._solver.whole_optimum(stamp(compiled, self._numbers(), bounds, "violation"), integral)
            if lowest is None:
                return None
            known = lowest.x
            cap = max(0.0, lowest.objective) * (1.0 + VIOLATION_SLACK) + VIOLATION_SLACK
        arrays = stamp(compiled, self._numbers(cap), bounds, "cost_krw")
        answer = self._solver.whole_optimum(arrays, integral, known=known)
        if answer is None:
            return None
        return [self._directions(compiled, answer, s, mask) for s, mask in enumerate(steps)], answer.gap

    def _directions(self, compiled: Compiled[FleetShape], answer: SolvedArrays, s: int, steps: Flags) -> Directions:
        def chosen(family: str) -> Flags:
            if family not in compiled.columns:
                return np.zeros(self._steps, bool)
            yes: Flags = answer.x[compiled.columns[family]] > 0.5  # noqa: PLR2004 -- halfway between no and yes
            return yes

        importing, charging = chosen(f"site[{s}].is_importing"), chosen(f"site[{s}].is_charging")
        for b, shared in enumerate(self._fleet.shared):
            if s in shared.shares:
                charging = chosen("shared_is_charging")[b * self._steps : (b + 1) * self._steps]
        return Directions(
            charge=steps & ~charging, discharge=steps & charging, import_=steps & ~importing, export=steps & importing
        )

    def _plans(self, compiled: Compiled[FleetShape], x: Floats) -> tuple[PowerPlan, ...]:
        def flow(s: int, family: str) -> Floats:
            name = f"site[{s}].{family}"
            return x[compiled.columns[name]] if name in compiled.columns else np.zeros(self._steps)

        return tuple(
            plan_of(case, flow(s, "charge_kw"), flow(s, "discharge_kw"), flow(s, "curtail_kw"))
            for s, case in enumerate(self.cases)
        )

    def _opposed(self, found: _Found) -> list[Flags]:
        """Return each site's steps in which opposite flows are needed at once, those of its shared battery included."""
        x, columns = found.answer.x, found.compiled.columns
        masks = [
            flows_opposed(
                case, plan, np.minimum(x[columns[f"site[{s}].import_kw"]], x[columns[f"site[{s}].export_kw"]])
            )
            for s, (case, plan) in enumerate(zip(self.cases, found.plans, strict=True))
        ]
        for shared in self._fleet.shared:
            into = np.any([found.plans[s].charge_kw > FLOW_TOLERANCE_KW for s in shared.shares], axis=0)
            out = np.any([found.plans[s].discharge_kw > FLOW_TOLERANCE_KW for s in shared.shares], axis=0)
            for s in shared.shares:
                masks[s] = masks[s] | (into & out)
        return masks


def _feeder_excesses(fleet: Fleet, plans: Sequence[PowerPlan]) -> tuple[FeederExcess, ...]:
    found: list[FeederExcess] = []
    for f, feeder in enumerate(fleet.feeders):
        through_kw = np.sum([plans[s].import_kw - plans[s].export_kw for s in feeder.sites], axis=0)
        for direction, limit_kw, flow_kw in (
            ("import", feeder.import_limit_kw, through_kw),
            ("export", feeder.export_limit_kw, -through_kw),
        ):
            excess_kw = flow_kw - (np.inf if limit_kw is None else limit_kw)
            steps = np.flatnonzero(excess_kw > VIOLATION_TOLERANCE * len(feeder.sites)).tolist()
            found += [FeederExcess(f, step, direction, float(excess_kw[step])) for step in steps]
    return tuple(found)


def _reach_kw(cases: Sequence[Case], sites: Sequence[int]) -> float:
    """Return more than a feeder's sites could ever draw or give: a limit that is none."""
    one_kw = [
        float(np.max(np.abs(cases[s].residual_load_kw)) + np.max(cases[s].pv_kw))
        + (0.0 if (battery := cases[s].battery) is None else battery.max_charge_kw + battery.max_discharge_kw)
        for s in sites
    ]
    return 1.0 + sum(one_kw)


def _limit(limit_kw: float | None, reach_kw: float) -> float:
    return reach_kw if limit_kw is None else limit_kw
