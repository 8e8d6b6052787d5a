"""The documents that are made from code say what the code says."""

from pathlib import Path

import pytest

from cli.docs import documents
from services.trading_api.app import ROUTERS
from shared.paths import ROOT

REFERENCE = ROOT / "docs" / "reference"
GENERATED = documents()


@pytest.mark.parametrize(
    "path", [path for path in GENERATED if path.parent == REFERENCE], ids=lambda path: str(path.relative_to(ROOT))
)
def test_generated_document_is_not_stale(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run: make docs"


def test_every_page_of_the_reference_is_generated() -> None:
    assert set(REFERENCE.iterdir()) <= GENERATED.keys()


def test_every_setting_and_option_says_what_it_means() -> None:
    # A table's last cell is the meaning.
    silent = [
        line
        for name in ("cli.md", "settings.md")
        for line in (REFERENCE / name).read_text(encoding="utf-8").splitlines()
        if line.endswith("|  |")
    ]

    assert silent == []


def test_every_call_that_openapi_describes_is_in_the_reference_with_its_roles() -> None:
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    described = [route for router in ROUTERS for route in router.routes if getattr(route, "include_in_schema", False)]

    assert "Roles: factory, operator, planner." in text
    for route in described:
        for method in getattr(route, "methods", set()):
            assert f"\n### {method} {getattr(route, 'path', '')}\n" in text
