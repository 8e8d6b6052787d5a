"""The same day scheduled by FlexMeasures' `device_scheduler`, as a ratio within one run.

FlexMeasures lives in an environment of its own, as it pins other versions: FLEXMEASURES_PYTHON=path/to/its/python.
Without that this benchmark says that it is skipped. Both solve the battery, the net load, buy and sell prices, the
cycle cost and the demand charge above the prior peak; their costs must agree.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.ess import a_case, best_s
from optimizers.ess.case import Case
from optimizers.ess.schedule import Rolling, solve

REPEATS = 5
COST_TOLERANCE = 1e-6

# What runs there: reads the case as JSON, prints the least time [s] of a number of runs, and the cost.
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from flask import Flask
from flexmeasures.data.models.planning.linear_optimization import device_scheduler
given = json.load(sys.stdin)
app = Flask("peer")
app.config.update(FLEXMEASURES_LP_SOLVER=given["solver"], LOGGING_LEVEL="WARNING")
app.app_context().push()
steps, hours = len(given["net_kw"]), given["step_h"]
index = pd.date_range("2026-01-01", periods=steps, freq=pd.Timedelta(hours=hours), tz="UTC", name=None)
nan = np.full(steps, np.nan)
def device(**columns):
    names = ["equals", "max", "min", "efficiency", "derivative equals", "derivative max", "derivative min",
             "derivative down efficiency", "derivative up efficiency", "stock delta"]
    frame = pd.DataFrame({name: nan for name in names}, index=index)
    for name, value in columns.items():
        frame[name.replace("_", " ")] = value
    frame.attrs["resolution"] = pd.Timedelta(hours=hours)
    return frame
b = given["battery"]
floor = np.full(steps, b["soc_min"] - b["soc"]); floor[-1] = max(floor[-1], b["soc_final"] - b["soc"])
# Stock counts in flow units times steps.
battery = device(max=(b["soc_max"] - b["soc"]) / hours, min=floor / hours, derivative_max=b["charge_kw"],
                 derivative_min=-b["discharge_kw"], derivative_down_efficiency=b["out"],
                 derivative_up_efficiency=b["in"], efficiency=1.0)
load = device(derivative_equals=np.array(given["net_kw"]))
ems = pd.DataFrame({"derivative max": nan, "derivative min": nan}, index=index)
def commitment(**columns):
    frame = pd.DataFrame(index=index)
    for name, value in columns.items():
        frame[name.replace("_", " ")] = value
    return frame
energy = commitment(quantity=0.0, downwards_deviation_price=hours * np.array(given["sell"]),
                    upwards_deviation_price=hours * np.array(given["buy"]), group=np.arange(steps))
wear = commitment(quantity=0.0, downwards_deviation_price=-hours * given["wear"], upwards_deviation_price=0.0,
                  group=np.arange(steps), device=0)
peak = commitment(quantity=given["prior_peak_kw"], downwards_deviation_price=0.0,
                  upwards_deviation_price=given["demand_charge"], group=0)
spent = []
for _ in range(given["repeats"]):
    began = time.perf_counter()
    _, cost, results, _ = device_scheduler([battery.copy(), load.copy()], ems.copy(),
                                           commitments=[energy.copy(), wear.copy(), peak.copy()], initial_stock=0)
    spent.append(time.perf_counter() - began)
print(json.dumps({"seconds": min(spent), "cost": cost, "status": str(results.solver.termination_condition)}))
"""


def peer(case: Case, python: str, solver: str) -> dict[str, float]:
    """Let FlexMeasures solve a case in its own environment, by one of its two back ends."""
    battery = case.battery
    assert battery is not None
    full = battery.capacity_kwh
    given = {
        "step_h": case.step_h,
        "net_kw": (case.load_kw - case.pv_kw).tolist(),
        "buy": case.price_buy_krw_per_kwh.tolist(),
        "sell": case.price_sell_krw_per_kwh.tolist(),
        "wear": battery.cycle_cost_krw_per_kwh,
        "demand_charge": case.demand_charge_krw_per_kw,
        "prior_peak_kw": case.prior_peak_kw,
        "repeats": REPEATS,
        "solver": solver,
        "battery": {
            "soc": battery.soc_initial * full,
            "soc_min": battery.soc_min * full,
            "soc_max": battery.soc_max * full,
            "soc_final": battery.soc_final_min * full,
            "charge_kw": battery.max_charge_kw,
            "discharge_kw": battery.max_discharge_kw,
            "in": battery.charge_efficiency,
            "out": battery.discharge_efficiency,
        },
    }
    done = subprocess.run([python, "-c", PEER], input=json.dumps(given), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"ess  FlexMeasures failed: {done.stderr[-800:]}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> int:
    """Print the ratio, or why there is none."""
    python = os.environ.get("FLEXMEASURES_PYTHON")
    if python is None or not Path(python).exists():
        print("ess  FlexMeasures skipped: set FLEXMEASURES_PYTHON to the python of an environment that has it")
        return 0
    case = a_case(96)
    schedule = solve(case)
    rolling = Rolling()
    whole_s, again_s = best_s([lambda: solve(case), lambda: rolling.solve(case)], repeats=40)
    # FlexMeasures prices deviations, so what a day costs up to the prior peak is not in its figure.
    ours_krw = schedule.cost_krw - case.demand_charge_krw_per_kw * case.prior_peak_kw
    print(f"ess  96 steps, solve() {whole_s * 1e3:.1f} ms, Rolling.solve() {again_s * 1e3:.1f} ms, {ours_krw:.2f} KRW")
    agreed = True
    for solver in ("appsi_highs", "highspy"):
        theirs = peer(case, python, solver)
        ratio = theirs["seconds"] / whole_s
        agreed &= abs(theirs["cost"] / ours_krw - 1) < COST_TOLERANCE
        shown = f"{theirs['seconds'] * 1e3:8.1f} ms   x{ratio:.0f} of solve(), {theirs['cost']:.2f} KRW"
        print(f"ess  96 steps, FlexMeasures by {solver:<12} {shown}")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
