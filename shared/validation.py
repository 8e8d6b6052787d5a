"""Check a decoded document against a model, and say in the project's words what is wrong with it."""

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import BadInput, BadInputs

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], document: object, *, where: str) -> Model:
    """Return the document as a model.

    Raises:
        BadInputs: It breaks rules; each problem names the JSON path, the rule and the value.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise BadInputs(
            BadInput(where=where, field=_path(one["loc"]), rule=rule_of(one["msg"]), value=_shown(one["input"]))
            for one in error.errors(include_url=False, include_context=False)
        ) from None


def _path(location: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def rule_of(message: str) -> str:
    """Turn pydantic's sentence into a rule that reads after a field's name."""
    known = {"Field required": "must be given", "Extra inputs are not permitted": "must be a known key"}
    return known.get(message) or re.sub(r"^\w+ should ", "must ", message.removeprefix("Value error, "))


def _shown(given: object) -> object:
    return "the whole record" if isinstance(given, dict) else given
