"""Check a decoded document against a model, and say in the project's words what is wrong with it."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError, ValidationInfo, field_validator

from shared.errors import BadInput, BadInputs, did_you_mean, json_path

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
            BadInput(
                where=where,
                field=json_path(fault["loc"]),
                rule=rule_of(fault["msg"]),
                value=_shown(fault["input"]),
                hint=_hint(model, fault["loc"]) if fault["type"] == "extra_forbidden" else "",
            )
            for fault in error.errors(include_url=False, include_context=False)
        ) from None


class PlainRecord(BaseModel):
    """A record of a file in which neither true nor false stands for a number."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag_for_a_number(cls, given: object, field: ValidationInfo) -> object:
        annotation = cls.model_fields[field.field_name or ""].annotation
        if isinstance(given, bool) and {annotation, *get_args(annotation)} & {int, float}:
            raise ValueError("must be a number")
        return given


def number(given: object) -> float:
    """Return a number as a float; neither true and false nor a text stand for one.

    Raises:
        ValueError: It is none.
    """
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 -- pydantic reports ValueError
    return float(given)


def one_line(text: str) -> str:
    """Return a text that reads as it is written.

    Raises:
        ValueError: Something in it breaks the line, turns its direction or has no form.
    """
    if not text.isprintable():
        raise ValueError("must be one line without control or direction characters")
    return text


def _hint(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Say which key was probably meant by an unknown one."""
    models = [model]
    for part in location[:-1]:
        fields = [of.model_fields[part] for of in models if part in of.model_fields] if isinstance(part, str) else []
        # A place in a list stays among the same models.
        models = [inner for field in fields for inner in _models_in(field.annotation)] or models
    known = {info.alias or name for of in models for name, info in of.model_fields.items()}
    return did_you_mean(str(location[-1]), sorted(known))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Return the models that an annotation is made of: X of `tuple[X, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def rule_of(message: str) -> str:
    """Turn pydantic's sentence into a rule that reads after a field's name."""
    known = {"Field required": "must be given", "Extra inputs are not permitted": "must be a known key"}
    return known.get(message) or re.sub(r"^\w+ should ", "must ", message.removeprefix("Value error, "))


def _shown(given: object) -> object:
    return "the whole record" if isinstance(given, dict) else given
