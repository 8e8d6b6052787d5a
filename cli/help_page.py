"""The help of a verb: usage, what it does, options, files, an example, in one language and by display width.

Plain text, without the terminal library whose import takes longer than all else that a help needs.
"""

import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup

from cli.language import Language, in_language, language

WIDTH_MAX = 100
# Names of options stand in a column that is at most so wide; longer ones have a line of their own.
NAMES_MAX = 28
EXAMPLE = "Example: "
KOREAN = {"Usage": "사용법", "Arguments": "인자", "Options": "옵션", "Commands": "명령", "Example": "예시"}
# What Typer itself adds to the help of a parameter.
TYPER_KOREAN = {
    "Show this message and exit.": "도움말을 보이고 끝냅니다.",
    "default: ": "기본값: ",
    "required": "필수",
}


class Verb(TyperCommand):
    """A verb whose help is a page of this module."""

    def get_help(self, ctx: Any) -> str:
        """Return the page; Typer gives its context, whose class is private."""
        return "\n".join(_page(self, ctx, ()))


class Verbs(TyperGroup):
    """Several verbs whose help is a page of this module."""

    def get_help(self, ctx: Any) -> str:
        """Return the page, with a line for each verb."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, in_language(_summary(command))) for name, command in commands if command is not None]
        return "\n".join(_page(self, ctx, rows))


def _page(command: Any, ctx: Any, commands: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"{_word('Usage')}: {ctx.command_path} {' '.join(command.collect_usage_pieces(ctx))}"
    texts = paragraphs(command.help or "")
    for text in texts:
        if not text.startswith(EXAMPLE):
            yield from ("", *_wrapped(in_language(text), indent=2))
    yield from _section("Arguments", _rows(command, ctx, "argument"))
    yield from _section("Options", _rows(command, ctx, "option"))
    yield from _section("Commands", commands)
    for text in texts:
        if text.startswith(EXAMPLE):
            yield from ("", f"{_word('Example')}:", f"  {text.removeprefix(EXAMPLE)}")


def paragraphs(text: str) -> list[str]:
    """Return a docstring's paragraphs, each as one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _rows(command: Any, ctx: Any, kind: str) -> list[tuple[str, str]]:
    """Return names and helps of a command's parameters of one kind, each help in one language."""
    records = [one.get_help_record(ctx) for one in command.get_params(ctx) if one.param_type_name == kind]
    return [(names, _parameter_help(text)) for names, text in filter(None, records)]


def _parameter_help(text: str) -> str:
    """Return a parameter's help in one language, with what Typer adds behind it in brackets."""
    said, _, added = text.rpartition("  [") if text.endswith("]") else (text, "", "")
    said = in_language(said)
    if language() is Language.KO:
        said = TYPER_KOREAN.get(said, said)
        for english, korean in TYPER_KOREAN.items():
            added = added.replace(english, korean)
    return f"{said} [{added}" if added else said


def _word(english: str) -> str:
    return KOREAN[english] if language() is Language.KO else english


def _summary(command: Any) -> str:
    """Return what a verb does, in one sentence of each language."""
    return next(iter(paragraphs(command.help or "")), "")


def _section(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    rows = list(rows)
    if not rows:
        return
    yield from ("", f"{_word(title)}:")
    column = max([_width(name) for name, _ in rows if _width(name) <= NAMES_MAX], default=NAMES_MAX)
    for name, text in rows:
        lines = list(_wrapped(text, indent=column + 4))
        if _width(name) > column:
            yield f"  {name}"
        elif lines:
            lines[0] = f"  {name}{' ' * (column - _width(name))}  {lines[0].lstrip()}"
        else:
            lines = [f"  {name}"]
        yield from lines


def _wrapped(text: str, *, indent: int) -> Iterator[str]:
    """Break a text at its blanks into lines of the terminal's width; a Hangul syllable is two columns wide."""
    room = min(shutil.get_terminal_size().columns, WIDTH_MAX) - indent
    line, used = "", 0
    for word in text.split():
        wide = _width(word)
        if line and used + 1 + wide > room:
            yield " " * indent + line
            line, used = word, wide
        else:
            line, used = (f"{line} {word}", used + 1 + wide) if line else (word, wide)
    if line:
        yield " " * indent + line


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
