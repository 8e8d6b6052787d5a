"""JSON files that people wrote, read strictly: each key once, and numbers with every digit if asked."""

import json
from collections.abc import Callable
from pathlib import Path

from cli.output import read_text
from shared.errors import BadInput


def read_json(path: Path, *, number: Callable[[str], object] = float) -> object:
    """Decode a JSON file; NaN and Infinity pass to `number`, so that the caller can name their path.

    Args:
        path: The file.
        number: What makes a number with a point or an exponent from its text; Decimal keeps every digit.

    Raises:
        BadInput: It is no JSON, or gives a key twice.
    """

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise BadInput(where=str(path), field=twice, rule="must be given once in its object", value="given again")
        return fields

    text = read_text(path)
    try:
        return json.loads(text, object_pairs_hook=once, parse_float=number, parse_constant=number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise BadInput(where=str(path), field=place, rule="must be JSON", value=error.msg) from None
    except RecursionError:
        raise BadInput(where=str(path), field="$", rule="must be a flat object", value="too deeply nested") from None
    except ValueError as error:
        # Python refuses to read integers of thousands of digits.
        raise BadInput(where=str(path), field="$", rule="must hold ordinary numbers", value=str(error)) from None
