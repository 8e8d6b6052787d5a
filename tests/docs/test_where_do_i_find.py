"""What ARCHITECTURE.md answers under "Where do I find" is there."""

import ast
import re

import pytest

from shared.paths import ROOT

SECTION = (ROOT / "ARCHITECTURE.md").read_text().split("## Where do I find\n")[1].split("\n## ")[0]
ANSWERS = re.findall(r"`([\w/]+\.py)`: `([\w.]+)`", SECTION)


def names_in(path: str) -> set[str]:
    names = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.ClassDef):
            names |= {node.name, *(f"{node.name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef))}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
    return names


@pytest.mark.parametrize(("path", "name"), ANSWERS)
def test_an_answer_names_what_is_there(path: str, name: str) -> None:
    assert name in names_in(path)


def test_every_line_has_an_answer() -> None:
    lines = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]

    assert len(lines) >= 15
    assert [line for line in lines if not re.search(r"`[\w/]+\.py`: `[\w.]+`", line)] == []
