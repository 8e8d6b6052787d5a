"""Each verb's help: in one language, Korean or English, with the form of its files and an example that runs."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.help_page import EXAMPLE, paragraphs
from cli.language import LOCALE_NAMES, Language, in_language, language, option_first, use_language
from cli.main import VERBS, app_with
from shared.paths import ROOT

# These start a system, or ask one that runs.
OF_A_SYSTEM = ("", "demo", "up", "status", "down")
MINUTES_MAX = 5


def commands(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    yield " ".join(words), command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, *words, name)


SANDAN = app_with(*VERBS)
COMMANDS = dict(commands(typer.main.get_command(SANDAN)))
VERBS_ALONE = sorted(words for words, command in COMMANDS.items() if not hasattr(command, "commands"))
EXAMPLES = {
    words: text.removeprefix(EXAMPLE)
    for words in VERBS_ALONE
    for text in paragraphs(COMMANDS[words].help)
    if text.startswith(EXAMPLE)
}
NEEDY = [words for words in VERBS_ALONE if any(text.startswith("Needs ") for text in paragraphs(COMMANDS[words].help))]


@pytest.fixture(autouse=True)
def _locale(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in LOCALE_NAMES:
        monkeypatch.delenv(name, raising=False)
    yield
    use_language(None)


def help_of(*arguments: str) -> str:
    ended = CliRunner().invoke(SANDAN, option_first([*arguments, "--help"]), terminal_width=80)
    assert ended.exit_code == 0, ended.output
    return ended.output


def is_korean(text: str) -> bool:
    return any("가" <= one <= "힣" for one in text)


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_what_a_verb_says_of_itself_is_in_both_languages(words: str) -> None:
    command = COMMANDS[words]
    said = [text for text in paragraphs(command.help) if not text.startswith(EXAMPLE)]
    said += [one.help for one in command.params if one.name != "help"]

    for text in said:
        use_language(Language.KO)
        korean = in_language(text)
        use_language(Language.EN)
        english = in_language(text)
        assert is_korean(korean), text
        assert not is_korean(english), text


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_help_is_in_one_language(words: str) -> None:
    english = help_of(*words.split())
    korean = help_of("--lang", "ko", *words.split())

    assert not is_korean(english)
    assert english.startswith("Usage: ")
    assert korean.startswith("사용법: ")
    assert not any(
        word in korean for word in ("Usage", "Options:", "Arguments:", "Commands:", "[required]", "Show this")
    )


@pytest.mark.parametrize("words", VERBS_ALONE)
def test_each_verb_has_an_example(words: str) -> None:
    verb, *rest = shlex.split(EXAMPLES[words])

    assert verb == "sandan"
    assert rest[: len(words.split())] == words.split()
    assert EXAMPLES[words] in help_of(*words.split())


@pytest.mark.parametrize("words", [one for one in VERBS_ALONE if one not in (*OF_A_SYSTEM, *NEEDY)])
def test_example_runs_as_it_stands(words: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    ended = subprocess.run(
        shlex.split(EXAMPLES[words]),
        cwd=tmp_path,
        env={**os.environ, "PATH": binaries},
        executable=Path(sys.executable).with_name("sandan"),
        capture_output=True,
        text=True,
        timeout=60 * MINUTES_MAX,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("words", [one for one in VERBS_ALONE if one in (*OF_A_SYSTEM, *NEEDY)])
def test_example_that_needs_a_system_has_options_that_exist(words: str) -> None:
    command = COMMANDS[words]
    arguments = shlex.split(EXAMPLES[words])[1 + len(words.split()) :]

    command.make_context(words, arguments, parent=typer.Context(COMMANDS[""]))


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ({"LANG": "ko_KR.UTF-8"}, Language.KO),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, Language.EN),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8"}, Language.KO),
        # An empty name is as none.
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, Language.KO),
        # Konkani is another language.
        ({"LANG": "kok_IN"}, Language.EN),
        ({}, Language.EN),
    ],
)
def test_language_is_the_locales(locale: dict[str, str], expected: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in locale.items():
        monkeypatch.setenv(name, text)

    assert language() is expected


def test_lang_outweighs_the_locale_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")

    assert help_of("clear").startswith("사용법")
    for arguments in (["--lang", "en", "clear"], ["clear", "--lang", "en"], ["clear", "--lang=en"]):
        assert help_of(*arguments).startswith("Usage")


def test_what_stands_behind_two_dashes_is_no_option() -> None:
    assert option_first(["clear", "--", "--lang", "ko"]) == ["clear", "--", "--lang", "ko"]


def test_notes_of_a_bill_are_in_the_language_in_use() -> None:
    bill = ["tariff", "bill", "examples/meter.csv", "--contract", "examples/contract.json", "--month", "2026-05"]
    runner = CliRunner()
    with pytest.MonkeyPatch.context() as at_root:
        at_root.chdir(ROOT)
        korean = runner.invoke(SANDAN, ["--lang", "ko", *bill])
        english = runner.invoke(SANDAN, [*bill])
        asked = runner.invoke(SANDAN, ["--lang", "ko", *bill, "--language", "en"])

    assert is_korean(korean.stdout)
    assert not is_korean(english.stdout)
    assert asked.stdout == english.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["cler"], "Did you mean 'clear'?"),
        (["clear", "--feder", "x"], "--feeders"),
        (["tariff", "bil"], "Did you mean 'bill'?"),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_what_was_meant(arguments: list[str], expected: str) -> None:
    ended = CliRunner().invoke(SANDAN, arguments)

    assert ended.exit_code == 2
    assert expected in ended.stderr
