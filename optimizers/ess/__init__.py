"""ESS scheduling: the least-cost plan of a site's battery, explained and checked."""

from optimizers.ess.case import Battery, Case, DemandCharge, Schedule, SolveRecord, Violation
from optimizers.ess.case_json import case_from_json, schedule_to_json
from optimizers.ess.check import BrokenPromise, check
from optimizers.ess.fleet import FeederCap, Fleet, FleetSchedule, FleetSolver, SharedBattery
from optimizers.ess.reasons import Reason
from optimizers.ess.scenarios import CarefulSolver, Quantiles
from optimizers.ess.schedule import Rolling, solve
from optimizers.ess.solver import SolverFailed

__all__ = [
    "Battery",
    "BrokenPromise",
    "CarefulSolver",
    "Case",
    "DemandCharge",
    "FeederCap",
    "Fleet",
    "FleetSchedule",
    "FleetSolver",
    "Quantiles",
    "Reason",
    "Rolling",
    "Schedule",
    "SharedBattery",
    "SolveRecord",
    "SolverFailed",
    "Violation",
    "case_from_json",
    "check",
    "schedule_to_json",
    "solve",
]
