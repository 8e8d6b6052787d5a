"""Rules of the code that no linter knows."""

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from shared.complex.complexes import load_complexes
from shared.events.base import Event
from shared.events.topics import EVENT_TYPES, SERVICES, TOPICS, topics_read_by
from shared.paths import DEMO_COMPLEX, ROOT
from shared.runtime.runloop import Service

PACKAGES = ("cli", "optimizers", "services", "shared", "simulation")
FOLDERS_OF_CODE = (*PACKAGES, "benchmarks", "infra", "tests")
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
VAGUE_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

CLOCK_READERS = re.compile(
    r"(datetime\.(now|utcnow|today)|date\.today|time\.(time|monotonic|perf_counter|process_time)(_ns)?|time\.sleep)"
)
# A stop-watch beside an answer, which no result depends on.
STOP_WATCH = "time.perf_counter"
TIMED_WORK = ("optimizers/ess/", "cli/clear.py")
# Figures about energy that nobody is paid by.
FLOATS_IN_EVENTS = {
    ("ForecastIssued", "p10_kw"),
    ("ForecastIssued", "p50_kw"),
    ("ForecastIssued", "p90_kw"),
    ("ForecastIssued", "mean_kw"),
    *(("LeadAccuracy", name) for name in ("nmae", "rmse_kw", "pinball_kw", "coverage", "skill_mae", "skill_rmse")),
    ("ScheduleSolved", "energy_value_krw_per_kwh"),
    ("ScheduleSolved", "solve_seconds"),
    ("StudyRequested", "battery_scales"),
    ("StudyRequested", "pv_scales"),
    ("StudyResult", "battery_scale"),
    ("StudyResult", "pv_scale"),
}


@cache
def modules_of(folder: str) -> dict[str, ast.Module]:
    """Return the syntax trees of all modules in a folder by path."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def modules(*folders: str) -> dict[str, ast.Module]:
    """Return the syntax trees of all modules in some folders by path."""
    return {path: tree for folder in folders for path, tree in modules_of(folder).items()}


def dotted_name(node: ast.Attribute) -> str:
    """Return an attribute with the names before it, as far back as they are names."""
    before = node.value
    if isinstance(before, ast.Name):
        return f"{before.id}.{node.attr}"
    return f"{dotted_name(before)}.{node.attr}" if isinstance(before, ast.Attribute) else node.attr


def dotted_names(tree: ast.Module) -> Iterator[str]:
    """Return what a module names with a dot, or imports from the time module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            yield dotted_name(node)
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "os"):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_only_the_clock_module_reads_the_clock() -> None:
    readers = {
        (path, found.group())
        for path, tree in modules(*PACKAGES).items()
        for name in dotted_names(tree)
        if (found := CLOCK_READERS.search(name))
    }

    others = {(path, name) for path, name in readers if path != "shared/clock.py"}
    assert {(path, name) for path, name in others if name != STOP_WATCH or not path.startswith(TIMED_WORK)} == set()
    assert ("shared/clock.py", "datetime.now") in readers


def test_only_the_settings_module_and_the_command_line_read_the_environment() -> None:
    readers = {
        path
        for path, tree in modules(*PACKAGES).items()
        if any(re.match(r"os\.(environb?|getenv)\b", name) for name in dotted_names(tree))
    }

    assert {path for path in readers if not path.startswith("cli/")} == {"shared/settings.py"}


def test_nothing_prints() -> None:
    printing = [
        f"{path}:{node.lineno}"
        for path, tree in modules(*PACKAGES).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "pprint")
    ]

    assert printing == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [path for path in modules(*FOLDERS_OF_CODE) if VAGUE_NAMES & set(re.split(r"[/._]", path))]

    assert vague == []


def test_no_module_is_longer_than_one_thing_needs() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules(*PACKAGES)}

    assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES_MAX} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{path}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in modules(*PACKAGES, "tests").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}


def test_every_suppressed_check_says_why() -> None:
    silent = [
        f"{path}:{number}"
        for path in modules(*FOLDERS_OF_CODE)
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"# noqa\b(?!: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* -- \S)", line)
        or re.search(r"# type: ignore\b(?!\[[a-z, -]+\]\s+# \S)", line)
    ]

    # This file holds the two patterns.
    assert [place for place in silent if not place.startswith("tests/architecture/test_rules.py:")] == []


def test_what_holds_in_a_complex_is_asked_by_instant() -> None:
    looked_up = [path for path in modules("services", "shared") if "complexes[" in (ROOT / path).read_text()]

    assert looked_up == []


def test_sql_of_the_trading_api_is_in_queries_and_tables() -> None:
    written_elsewhere = [
        path
        for path in modules("services/trading_api")
        if Path(path).name not in {"queries.py", "tables.py"}
        and Path(path).parent.name not in {"db", "log"}
        and re.search(r"^(import sqlalchemy as sa|from sqlalchemy import)", (ROOT / path).read_text(), re.MULTILINE)
    ]

    assert written_elsewhere == []


def test_every_folder_with_code_is_a_package_that_the_contracts_see() -> None:
    folders = {Path(path).parent for path in modules(*PACKAGES)}
    folders |= {above for folder in folders for above in folder.parents if above != Path()}

    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").exists()] == []


def test_no_package_repeats_the_names_of_its_modules() -> None:
    packages = [path for path in modules("cli", "optimizers", "shared", "simulation") if path.endswith("__init__.py")]
    repeating = [path for path in packages if re.search(r"^(from|import) ", (ROOT / path).read_text(), re.MULTILINE)]

    assert repeating == []


def test_the_tree_has_the_top_level_that_is_agreed() -> None:
    files = ("docker-compose.yml", "Makefile", "pyproject.toml", "README.md", "LICENSE")
    folders = (*FOLDERS_OF_CODE, "docs")

    assert [name for name in files if not (ROOT / name).is_file()] == []
    assert [name for name in folders if not (ROOT / name).is_dir()] == []
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(PACKAGES)
    assert {path.parent.name for path in ROOT.glob("services/*/__main__.py")} == set(SERVICES)


@cache
def services() -> dict[str, Service]:
    """Return every service as its process builds it."""
    complexes = load_complexes([DEMO_COMPLEX])
    more: dict[str, Callable[[], dict[str, object]]] = {
        "market": lambda: {"seal_alarm": timedelta(minutes=5)},
        "planner": lambda: {"cluster": importlib.import_module("services.planner.handlers.cluster").Cluster()},
    }
    return {
        name: importlib.import_module(f"services.{name}.handlers").service(complexes, **more.get(name, dict)())
        for name in SERVICES
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_event_a_service_handles_is_in_a_topic_it_reads(name: str) -> None:
    read = {event for topic in topics_read_by(name) for event in topic.events}

    assert services()[name].name == name
    assert set(services()[name].handlers) - read == set()


@pytest.mark.parametrize("name", SERVICES)
def test_every_topic_a_service_reads_has_something_for_it(name: str) -> None:
    handled = set(services()[name].handlers)

    assert [topic.name for topic in topics_read_by(name) if not handled & set(topic.events)] == []


def events_made_in(*folders: str) -> set[str]:
    """Return the names of the events that some modules construct."""
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for tree in modules(*folders).values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    return called & {event.__name__ for event in EVENT_TYPES.values()}


def events_written_by(name: str) -> set[str]:
    return {event.__name__ for topic in TOPICS if topic.producer == name for event in topic.events}


@pytest.mark.parametrize("name", SERVICES)
def test_every_event_a_service_makes_has_a_topic_of_that_service(name: str) -> None:
    assert events_made_in(f"services/{name}") - events_written_by(name) == set()


@pytest.mark.parametrize("name", SERVICES)
def test_every_event_of_a_service_s_topics_is_made(name: str) -> None:
    # Seals and dead letters are made alike by all.
    assert events_written_by(name) - events_made_in(f"services/{name}", "shared") == set()


def test_topics_are_named_for_their_producer_and_version() -> None:
    for topic in TOPICS:
        assert re.fullmatch(rf"{topic.producer}\.[a-z_]+\.v[1-9]", topic.name)
        assert topic.key[0] == "complex_id"
        assert {topic.producer, *topic.consumers} <= set(SERVICES)


def test_no_event_carries_money_or_traded_energy_as_a_float() -> None:
    def floats(model: type[Event]) -> Iterator[tuple[str, str]]:
        for name, field in model.model_fields.items():
            parts = [field.annotation, *_parts(field.annotation)]
            if float in parts:
                yield model.__name__, name
            for part in parts:
                if isinstance(part, type) and hasattr(part, "model_fields"):
                    yield from floats(part)

    assert {found for event in EVENT_TYPES.values() for found in floats(event)} == FLOATS_IN_EVENTS


def _parts(annotation: object) -> Iterator[object]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)
