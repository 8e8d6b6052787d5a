"""Assemble the verbs of `sandan` and turn bad input into one clear line and exit code 2."""

import importlib
import sys
from typing import Annotated

import typer

from cli.help_page import Verb, Verbs
from cli.language import OPTION, Language, language, option_first, use_language
from cli.output import EXIT_BAD_INPUT
from shared.errors import BadInput, BadInputs

# Where each verb lives. Only the module of the verb that was asked for is imported, so that each starts fast.
VERBS = {
    "demo": "cli.demo",
    "up": "cli.up",
    "status": "cli.up",
    "down": "cli.up",
    "clear": "cli.clear",
    "replay": "cli.replay",
    "audit": "cli.audit",
    "legal": "cli.legal",
    "schedule": "cli.schedule",
    "tariff": "cli.tariff",
    "forecast": "cli.forecast",
    "whatif": "cli.whatif",
    "history": "cli.history",
    "devices": "cli.devices",
    "clock": "cli.clock",
    "keys": "cli.keys",
    "scene": "cli.scene",
    "migrate": "cli.migrate",
    "topics": "cli.compose",
    "compose": "cli.compose",
}


def app_with(*names: str) -> typer.Typer:
    """Return the command line with some of its verbs."""
    app = typer.Typer(
        name="sandan",
        cls=Verbs,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        # The terminal library takes longer to import than all else that a help or a message needs.
        rich_markup_mode=None,
    )
    app.callback()(_sandan)
    for name in names:
        verb = getattr(importlib.import_module(VERBS[name]), name)
        if isinstance(verb, typer.Typer):
            for command in verb.registered_commands:
                command.cls = Verb
            app.add_typer(verb, name=name, cls=Verbs)
        else:
            app.command(name, cls=Verb)(verb)
    return app


def _chosen(language: Language | None) -> Language | None:
    use_language(language)
    return language


# The help, too, is in this language: it is read before all other options.
Lang = Annotated[
    Language | None,
    typer.Option(
        OPTION,
        is_eager=True,
        callback=_chosen,
        help="Language of help and notes; default: the locale's. / 도움말과 비고의 언어. 지정하지 않으면 로캘을 따름.",
    ),
]


def _sandan(lang: Lang = None) -> None:
    """Run the energy exchange of the factories of one industrial complex. / 산업단지 공장들의 전력거래소를 운영합니다.

    `sandan VERB --help` explains a verb and its files. / `sandan 명령 --help`가 명령과 파일 형식을 설명합니다.

    Example: sandan demo --exit
    """


def main() -> None:
    """Run the command line."""
    arguments = option_first(sys.argv[1:])
    asked = next((one for one in arguments if one in VERBS), "")
    try:
        app_with(*([asked] if asked else VERBS))(arguments)
    except (BadInput, BadInputs) as error:
        sys.stderr.write("".join(f"{line}\n" for line in told(error)))
        sys.exit(EXIT_BAD_INPUT)


def told(error: BadInput | BadInputs) -> list[str]:
    """Return the lines that say what is wrong, in the language in use."""
    problems = error.problems if isinstance(error, BadInputs) else (error,)
    if language() is Language.EN:
        return [str(problem) for problem in problems]
    from cli.korean_errors import in_korean

    return [in_korean(problem) for problem in problems]


if __name__ == "__main__":
    main()
