"""The import contracts of pyproject.toml hold, and would notice if they did not."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from shared.paths import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")
PACKAGES = ("cli", "optimizers", "services", "shared", "simulation")

# A line that breaks each contract, and where to put it.
VIOLATIONS = {
    "cli uses services, services use optimizers, all use shared, never up": ("shared/units.py", "import optimizers"),
    "The wings of shared depend downwards": ("shared/bus/port.py", "import shared.runtime.logs"),
    "No service imports another": ("services/market/store/tables.py", "import services.settlement.store"),
    "A service's files depend downwards, and there are no others": ("services/market/helper.py", ""),
    "Calculations see no events, bus, SQL, clock, logging, environment, randomness or I/O": (
        "optimizers/settlement/ledger.py",
        "import random",
    ),
    "Handlers never publish, sleep or read the clock": ("services/forecast/handlers.py", "import shared.clock"),
    "kafka-python is seen by its adapter alone": ("services/fems/store.py", "import kafka"),
    "confluent-kafka is seen by its adapter alone": ("services/fems/store.py", "import confluent_kafka"),
    "No service touches Kafka directly": ("services/trading_api/__main__.py", "import shared.bus.kafka"),
    "What runs never sees the simulation": ("shared/runtime/service_main.py", "import simulation.bus"),
    "Alembic is seen by the migration verb's module alone": ("shared/db/engine.py", "import alembic"),
    "No service's process loads Alembic, directly or not": ("shared/db/bulk.py", "import shared.db.migrating"),
    "Optimization libraries live in optimizers": ("services/scheduler/domain.py", "import highspy"),
    "pvlib lives in the forecast's domain": ("services/forecast/store.py", "import pvlib"),
    "LightGBM lives in the forecast's domain": ("services/forecast/handlers.py", "import lightgbm"),
    "Web libraries live in the trading API": ("cli/up.py", "import uvicorn"),
    "PDFs are made in one module of the trading API": ("services/trading_api/billing/invoices.py", "import fpdf"),
    "Device libraries live in fems": ("services/forecast/__main__.py", "import pymodbus"),
    "Dask lives in the planner": ("optimizers/ess/plan.py", "import dask"),
    "What writes metrics and log lines is chosen in shared.runtime": (
        "shared/db/engine.py",
        "import prometheus_client",
    ),
    "Plots and the terminal live in cli": ("services/fems/__main__.py", "import rich"),
    "The market never sees a forecast": ("services/market/handlers/orders.py", "import shared.events.forecast"),
    "Settlement never sees a bid": ("services/settlement/handlers/facts.py", "import shared.events.orders"),
    "The trading API's features know nothing of each other; what needs several lies above them": (
        "services/trading_api/orders/routes.py",
        "import services.trading_api.billing.views",
    ),
    "A feature of the trading API is made of layers": (
        "services/trading_api/market/tables.py",
        "import services.trading_api.market.views",
    ),
    "The trading API's handlers serve no HTTP": (
        "services/trading_api/billing/handlers.py",
        "import services.trading_api.http.problems",
    ),
    "The trading API never computes a price": ("services/trading_api/__main__.py", "import optimizers.clearing"),
    "The gateway can't tell a simulated device from a real one": (
        "services/fems/gateway/gateway.py",
        "import services.fems.simulator",
    ),
}


def verdicts(tree: Path) -> dict[str, str]:
    """Return KEPT or BROKEN by contract, as the linter sees a tree."""
    ran = subprocess.run(
        [str(LINTER), "--no-cache"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", ran.stdout, flags=re.MULTILINE))
    assert found, ran.stdout + ran.stderr
    return found


def test_every_import_contract_is_kept() -> None:
    broken = [name for name, verdict in verdicts(ROOT).items() if verdict != "KEPT"]

    assert broken == [], "run lint-imports for the lines"


def test_every_import_contract_notices_a_line_that_breaks_it(tmp_path: Path) -> None:
    for package in PACKAGES:
        no_code = shutil.ignore_patterns("__pycache__", "static", "templates")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=no_code)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for place, line in VIOLATIONS.values():
        with (tmp_path / place).open("a") as file:
            file.write(f"\n{line}\n")

    assert verdicts(tmp_path) == dict.fromkeys(VIOLATIONS, "BROKEN")
