"""Where every process begins: a main function whose bad input becomes a message. Imports nothing that takes time."""

import sys
from collections.abc import Callable

from shared.errors import BadInput, BadInputs

EXIT_BAD_INPUT = 2


def run(main: Callable[[], None]) -> None:
    """Run a process's main function; bad input becomes its message on stderr and exit code 2."""
    try:
        main()
    except (BadInput, BadInputs) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_BAD_INPUT)
