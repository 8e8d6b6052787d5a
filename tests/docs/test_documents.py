"""What the documents point at exists, and the example meter file is what it says."""

import csv
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.fems.domain.simulated.load import REPLAY_SHIFT
from shared.intervals import INTERVAL, delivery_starts
from shared.paths import ROOT

MARKDOWN = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("infra/**/*.md")]
)
# A picture may be taken later than the text is written, so only links are followed.
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("document", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            missing.append(link)

    assert missing == []


def test_readme_is_short() -> None:
    # A newcomer reads it whole; what is longer belongs under docs.
    assert (ROOT / "README.md").stat().st_size <= 6 * 1024


def test_every_document_is_linked_from_another() -> None:
    linked = {
        (document.parent / link.partition("#")[0]).resolve()
        for document in MARKDOWN
        for link in LINK.findall(document.read_text(encoding="utf-8"))
        if "://" not in link and not link.startswith("#")
    }

    assert [str(path) for path in ROOT.glob("docs/**/*.md") if path not in linked] == []


def _anchors(document: Path) -> set[str]:
    """Return the anchors that a renderer makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_modules_that_name_a_heading_of_the_architecture_find_it() -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
    sources = [*ROOT.glob("cli/**/*.py"), *ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")]
    named = {
        name
        for path in (*sources, ROOT / "pyproject.toml")
        for name in re.findall(r"ARCHITECTURE\.md, \"([^\"]+)\"", path.read_text(encoding="utf-8"))
    }

    assert {"One run loop", "Which broker", "Boundaries"} <= named <= set(headings)


def test_decisions_are_numbered_without_gaps_and_have_their_four_parts() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    parts = ["Context", "Decision", "Consequences", "Alternatives"]

    assert [path.name[:4] for path in decisions] == [f"{n:04d}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        assert re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) == parts, path.name


def test_example_meter_is_the_measured_profile_moved_by_whole_weeks() -> None:
    # The demo replays the profile 417 weeks later; the example is May 2026 of the same.
    with (ROOT / "infra" / "profiles" / "gwangyang-2018.csv").open(encoding="utf-8") as file:
        measured = {datetime.fromisoformat(row["start_utc"]): row["energy_kwh"] for row in csv.DictReader(file)}
    with (ROOT / "examples" / "meter.csv").open(encoding="utf-8") as file:
        example = {datetime.fromisoformat(row["start_utc"]): row["energy_kwh"] for row in csv.DictReader(file)}
    may = [start for day in range(31) for start in delivery_starts((datetime(2026, 5, 1) + timedelta(days=day)).date())]  # noqa: DTZ001 -- a calendar day

    assert example == {start: measured[start - REPLAY_SHIFT * INTERVAL] for start in may}
