"""What starts often, or beside many others, loads nothing slow that it uses later or never."""

import subprocess
import sys

import pytest

from shared.paths import ROOT

# A process or the command line's verbs, and what must not be loaded once it is imported.
NOT_LOADED = {
    "services.fems.simulator.__main__": ("alembic", "kafka", "sqlalchemy"),
    "services.market.__main__": ("alembic", "pandas", "pyomo"),
    "services.trading_api.__main__": ("alembic", "fpdf", "kafka.cli", "pandas", "pyomo"),
    "cli.main": ("alembic", "kafka", "numpy", "pydantic", "rich", "sqlalchemy"),
}
VERBS_TOO = "; cli.main.app_with(*cli.main.VERBS)"


@pytest.mark.parametrize("module", NOT_LOADED)
def test_what_is_not_needed_at_a_start_is_not_loaded(module: str) -> None:
    found = f"sorted({{*sys.modules}} & {{*{NOT_LOADED[module]!r}}})"
    program = f"import sys; import {module}{VERBS_TOO if module == 'cli.main' else ''}; print(*{found})"

    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout.split() == []
