"""The scheduler's process: `python -m services.scheduler`."""

from services.scheduler import handlers
from shared.runtime.entry import run
from shared.runtime.service_main import open_context, serve, stop_on_signals


def main() -> None:
    """Run the scheduler until it is told to stop."""
    context = open_context("scheduler")
    serve(handlers.service(context.complexes), context, stop_on_signals())


if __name__ == "__main__":
    run(main)
