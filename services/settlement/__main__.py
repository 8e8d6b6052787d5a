"""Run settlement; it has no settings of its own."""

from services.settlement import handlers
from shared.runtime.entry import run
from shared.runtime.service_main import open_context, serve, stop_on_signals


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    context = open_context("settlement")
    serve(handlers.service(context.complexes), context, stop_on_signals())


if __name__ == "__main__":
    run(main)
