"""The command line as a document: every verb of `sandan` with its arguments and options."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer

from cli.help_page import paragraphs
from cli.language import Language, in_language
from cli.main import VERBS, app_with
from shared.paths import ROOT

HEAD = """# Command line

*Made from the code by `make docs`; do not edit it by hand.*

Every verb prints one JSON object on stdout; `--pretty` indents it. Messages go to stderr. `--help` and the notes of a
bill are in the language of the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`), Korean or English, or in that of `--lang`,
which may stand anywhere on the line. Exit codes:

| code | meaning |
|---|---|
| 0 | the verb is done |
| 1 | the verb is done, but something is wrong with the answer |
| 2 | the input is bad: stderr names file, field, rule and value, and nothing is written |
"""
TAKES = {str: "TEXT", int: "N", float: "NUMBER", Path: "PATH"}


def markdown() -> str:
    """Return docs/reference/cli.md."""
    whole = typer.main.get_command(app_with(*VERBS))
    return "\n".join([HEAD, *(line for words, command in _verbs(whole) for line in _section(words, command))])


def _verbs(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """Yield each verb's words and command, those of groups below their group."""
    children = getattr(command, "commands", {})
    for name, child in children.items():
        yield from _verbs(child, *words, name)
    if not children:
        yield " ".join(words), command


def _section(words: str, command: Any) -> list[str]:
    """Return the lines of one verb: usage, help, arguments and options."""
    parameters = [param for param in command.params if not param.hidden]
    arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
    usage = " ".join(["sandan", words, *(_placeholder(argument) for argument in arguments), "[OPTIONS]"])
    lines = [f"## sandan {words}", "", "```", usage, "```", "", *_english(command.help).splitlines(), ""]
    if parameters:
        lines += ["| argument or option | default | meaning |", "|---|---|---|"]
        lines += [
            f"| {_name(parameter)} | {_default(parameter)} | {_cell(_english(parameter.help))} |"
            for parameter in parameters
        ]
        lines.append("")
    return lines


def _english(text: str | None) -> str:
    """Return a help text without its Korean half."""
    return "\n\n".join(in_language(part, Language.EN) for part in paragraphs(text or ""))


def _placeholder(argument: Any) -> str:
    name: str = argument.metavar or argument.name.upper()
    return f"{name}..." if argument.nargs == -1 or argument.multiple else name


def _name(parameter: Any) -> str:
    """Return an argument's placeholder, or an option with what it takes."""
    if parameter.param_type_name == "argument":
        return f"`{_placeholder(parameter)}`"
    takes = "" if parameter.is_flag else f" {parameter.metavar or _takes(parameter.type_descriptor.annotation)}"
    names = "`, `".join([*parameter.opts, *parameter.secondary_opts])
    return f"`{names}{takes}`" + (", several times" if parameter.multiple else "")


def _takes(annotation: Any) -> str:
    """Return the placeholder of what an option takes; of an option that may be repeated, what it takes each time."""
    [annotation, *_] = get_args(annotation) or (annotation,)
    if issubclass(annotation, Enum):
        return "\\|".join(str(choice.value) for choice in annotation)
    return TAKES[annotation]


def _default(parameter: Any) -> str:
    """Return a default as one would type it; a flag is off, and what has to be given is required."""
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or isinstance(default, bool):
        return "on" if default else ""
    if isinstance(default, Path) and default.is_absolute():
        default = default.relative_to(ROOT)
    if isinstance(default, Enum):
        default = default.value
    return f"`{default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
