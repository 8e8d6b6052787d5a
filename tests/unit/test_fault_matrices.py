"""The page of the fault matrices says how each test's cases ended."""

from datetime import date

from tests.fault_matrices import Case, cases_in, page

REPORT = b"""<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">
<testcase classname="tests.e2e.test_recovery" name="test_killed[others]" time="51.5" />
<testcase classname="tests.unit.cli.test_bad" name="test_sentinel[roof-6553.5]" time="1.25" />
<testcase classname="tests.unit.cli.test_bad" name="test_sentinel[65535.0]" time="2.5"><failure />
</testcase>
</testsuite></testsuites>"""


def test_a_report_s_cases_are_counted_by_test() -> None:
    cases = cases_in(REPORT)

    assert cases[0] == Case("tests/e2e/test_recovery.py: test_killed", passed=True, seconds=51.5)
    rows = [line for line in page(cases, on=date(2026, 12, 1), cores=2).splitlines() if line.startswith("| `")]
    assert rows == [
        "| `tests/e2e/test_recovery.py: test_killed` | 1 | 1 | 52 |",
        "| `tests/unit/cli/test_bad.py: test_sentinel` | 2 | 1 | 4 |",
    ]
