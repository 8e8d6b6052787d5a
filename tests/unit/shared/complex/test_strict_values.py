"""A complex file's numbers are numbers, and its names read as they are written."""

from pathlib import Path

import pytest

from shared.complex.model import load_complex
from shared.errors import BadInputs
from shared.paths import DEMO_COMPLEX

ONE_LINE = "must be one line without control or direction characters"


@pytest.mark.parametrize(
    ("written", "instead", "rule"),
    [
        ("contract_kw: 1000", "contract_kw: yes", "must be a number"),
        ("capacity_kw_ac: 1000", "capacity_kw_ac: true", "must be a number"),
        ('en: "Hanbit Machining"', 'en: "Hanbit\\nMachining"', ONE_LINE),
        ('ko: "한빛정밀"', 'ko: "한빛\\u202e정밀"', ONE_LINE),
    ],
)
def test_a_flag_is_no_number_and_a_name_is_one_line(tmp_path: Path, written: str, instead: str, rule: str) -> None:
    path = tmp_path / "complex.yaml"
    path.write_text(DEMO_COMPLEX.read_text(encoding="utf-8").replace(written, instead, 1), encoding="utf-8")

    with pytest.raises(BadInputs) as refused:
        load_complex(path)

    assert [problem.rule for problem in refused.value.problems] == [rule]
