"""Run the cases that the suite leaves out, and write down how they ended (make test-faults).

A matrix (each fault on each kind of device, each kill on each database) has its core in the suite, and all of its other
cases, marked `matrix`, here.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from shared.clock import wall_now
from shared.paths import ROOT

PAGE = ROOT / "docs" / "fault_matrices.md"


@dataclass(frozen=True)
class Case:
    """How one case of a test ended."""

    test: str
    passed: bool
    seconds: float


def main() -> int:
    """Run them and write the page; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "matrix", f"--junitxml={report}", "tests"]
        exit_code = subprocess.run(command, cwd=ROOT, check=False).returncode
        cases = cases_in(report.read_bytes())
    PAGE.write_text(page(cases, on=wall_now().date(), cores=os.cpu_count()), encoding="utf-8")
    return exit_code


def cases_in(report: bytes) -> list[Case]:
    """Return the cases of a report in JUnit's form."""
    return [
        Case(
            test=f"{case.attrib['classname'].replace('.', '/')}.py: {case.attrib['name'].partition('[')[0]}",
            passed=len(case) == 0,
            seconds=float(case.attrib["time"]),
        )
        for case in ET.fromstring(report).iter("testcase")  # noqa: S314 -- pytest wrote it a moment ago
    ]


def page(cases: Iterable[Case], *, on: date, cores: int | None) -> str:
    """Return the page that says how the cases ended."""
    by_test: Mapping[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_test[case.test].append(case)
    rows = ""
    for test, ended in sorted(by_test.items()):
        passed, seconds = sum(case.passed for case in ended), sum(case.seconds for case in ended)
        rows += f"| `{test}` | {len(ended)} | {passed} | {seconds:.0f} |\n"
    return f"""# Fault matrices

*Written by `make test-faults`; do not edit it by hand.*

The suite has the core of each matrix. These are its other cases, as they ended on {on} on {cores} cores.

| test | cases | passed | seconds |
|---|---|---|---|
{rows}"""


if __name__ == "__main__":
    sys.exit(main())
