"""Errors of the command line in Korean: each rule of its files and options is there, and none leads to another's."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import main
from cli.korean_errors import in_korean
from cli.language import Language, use_language
from shared.errors import BadInput, BadInputs
from shared.paths import ROOT

# Where the rules of files and options are kept that a verb reads.
KEPT_IN = (
    "cli",
    "optimizers/ess/case.py",
    "optimizers/ess/case_json.py",
    "optimizers/tariff",
    "services/planner/domain/tariffs.py",
    "shared/files.py",
    "shared/metering/history.py",
    "shared/metering/parquet_archive.py",
    "shared/strict_json.py",
)


def told_of(rule: str) -> str:
    """Return what is said of a rule, without the rest of its line."""
    error = BadInput(where="here", field="$", rule=rule, value=0)
    return in_korean(error).removeprefix("here: $: ").removesuffix(". 입력값: 0")


def texts(node: ast.expr) -> Iterator[str]:
    """Yield the text of an expression, `7` standing for what is put into it."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)
        case ast.IfExp(body=body, orelse=orelse):
            yield from texts(body)
            yield from texts(orelse)


def rules_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.keyword(arg="rule", value=value):
                yield from texts(value)
            case ast.Assign(targets=[ast.Name(id="rule")], value=value):
                yield from (text for text in texts(value) if text.startswith("must "))
            case ast.Call(args=arguments):
                yield from (text for argument in arguments for text in texts(argument) if text.startswith("must "))


def modules() -> Iterator[Path]:
    for place in KEPT_IN:
        path = ROOT / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def test_each_rule_of_files_and_options_has_its_korean_sentence() -> None:
    rules = {rule for path in modules() for rule in rules_in(path) if rule.strip() not in {"must be", "must be 7"}}

    assert len(rules) > 100
    assert sorted(rule for rule in rules if told_of(rule) == rule) == []


@pytest.mark.parametrize(
    ("rule", "korean"),
    [
        ("must be > 0 kW", "0 kW보다 커야 합니다"),
        ("must be > 0 and <= 1", "0 초과 1 이하여야 합니다"),
        ("must be >= 0 and <= 5 kW with at most 20 decimals", "0 이상 5 kW 이하, 소수점 아래 20자리까지여야 합니다"),
        ("must be one of a, b", "다음 중 하나여야 합니다: a, b"),
        ("must be one of quarter hours for m1", "m1: 15분 구간 중 하나여야 합니다"),
        ("must be greater than or equal to 5", "5 이상이어야 합니다"),
        ("must shine", "must shine"),
    ],
)
def test_the_form_with_the_most_words_is_taken(rule: str, korean: str) -> None:
    assert told_of(rule) == korean


def test_line_has_where_field_rule_value_and_hint() -> None:
    error = BadInput(
        where="orders.csv row 3", field="side", rule="must be one of buy, sell", value="by", hint="did you mean buy?"
    )

    assert in_korean(error) == (
        "orders.csv 3행: side: 다음 중 하나여야 합니다: buy, sell. 입력값: 'by' (buy을(를) 뜻하셨습니까?)"
    )


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (["--lang", "ko"], ["case.json: 파일: 있어야 합니다. 입력값: 'no such file'"]),
        (["--lang", "en"], ["case.json: file must exist, was 'no such file'"]),
    ],
)
def test_command_line_tells_in_the_language_asked_for(
    options: list[str],
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["sandan", "schedule", "case.json", *options])
    try:
        with pytest.raises(SystemExit, match="2"):
            main.main()
    finally:
        use_language(None)

    assert capsys.readouterr().err.splitlines() == lines


def test_each_of_several_problems_has_its_line() -> None:
    problems = [BadInput(where="a.json", field="$.b", rule="must be given", value=None)] * 2
    use_language(Language.KO)
    try:
        assert main.told(BadInputs(problems)) == ["a.json: $.b: 필수 항목입니다. 입력값: None"] * 2
    finally:
        use_language(None)
