"""YAML that others wrote: what its references stand for is bounded, and what has no value is said to have none."""

from pathlib import Path

import pytest
import yaml

from cli.supervisor import read_configuration
from shared import yaml_text
from shared.complex.model import load_complex
from shared.complex.register_maps import load_register_map
from shared.errors import BadInput, BadInputs
from shared.paths import INFRA
from shared.reference.load import read_reference
from shared.reference.prices import PriceBook

# Ten lines of ten references each stand for ten thousand million values.
BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 11))


@pytest.mark.parametrize(
    "read",
    [load_complex, load_register_map, read_configuration, lambda path: read_reference(path, PriceBook)],
)
@pytest.mark.parametrize(
    "text",
    [BOMB, "a: &a [*a]", "a: &a {<<: *a}", "day: 2026-06-31", "[" * 5_000, "n: " + "9" * 5_000],
    ids=["bomb", "circle", "circle of a merge", "no such day", "deep", "long number"],
)
def test_a_file_that_stands_for_too_much_or_for_nothing_is_refused(tmp_path: Path, read: object, text: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises((BadInput, BadInputs)) as refused:
        read(path)  # type: ignore[operator]  # one of four readers

    assert len(str(refused.value)) < 10_000


@pytest.mark.parametrize("path", sorted(INFRA.rglob("*.yaml")), ids=lambda path: path.name)
def test_the_project_s_own_files_read_as_ever(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert yaml_text.parse(text) == yaml.safe_load(text)


def test_references_stand_for_what_they_name() -> None:
    assert yaml_text.parse("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": 2},
    }
    assert yaml_text.parse("") is None
