"""Assemble the verbs of `sandan` and turn bad input into one clear line and exit code 2."""

import sys

import typer

from cli.clear import clear
from cli.compose import compose, topics
from cli.demo import demo
from cli.migrate import migrate
from cli.output import EXIT_BAD_INPUT
from cli.schedule import schedule
from cli.tariff import tariff
from cli.up import down, status, up
from shared.errors import BadInput, BadInputs

app = typer.Typer(
    name="sandan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The energy exchange of the factories of one industrial complex. / 산업단지 공장들의 전력거래소.",
)


for verb in (demo, up, status, down, clear, schedule, migrate, topics, compose):
    app.command()(verb)
app.add_typer(tariff, name="tariff")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except (BadInput, BadInputs) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
