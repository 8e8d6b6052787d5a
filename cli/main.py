"""Assemble the verbs of `sandan` and turn bad input into one clear line and exit code 2."""

import importlib
import sys

import typer

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
    "devices": "cli.devices",
    "clock": "cli.clock",
    "migrate": "cli.migrate",
    "topics": "cli.compose",
    "compose": "cli.compose",
}


def app_with(*names: str) -> typer.Typer:
    """Return the command line with some of its verbs."""
    app = typer.Typer(
        name="sandan",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="The energy exchange of the factories of one industrial complex. / 산업단지 공장들의 전력거래소.",
    )
    app.callback()(_sandan)
    for name in names:
        verb = getattr(importlib.import_module(VERBS[name]), name)
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name)
        else:
            app.command(name)(verb)
    return app


def _sandan() -> None:
    """Keep a lone verb a verb: without a callback Typer would drop its name."""


def main() -> None:
    """Run the command line."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        app_with(*([asked] if asked in VERBS else VERBS))()
    except (BadInput, BadInputs) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
