"""Records in tables: each field in the column of its name, checked once so that no field can be lost on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import EnumType
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_type_hints

import sqlalchemy as sa
from pydantic import BaseModel

R = TypeVar("R")


class RecordColumns(Generic[R]):
    """The columns of a table that hold the fields of one kind of record.

    Args:
        table: The table. Its columns are exactly the record's fields and `beside`.
        kind: A frozen dataclass or an event, with at least two fields.
        beside: Columns that are no fields of the record, by name, between spaces.
        left_out: Fields that have no column of their name, by name, between spaces.

    Raises:
        ValueError: A field has no column, or a column no field. Tables are made at import, so no process starts.
    """

    def __init__(self, table: sa.Table, kind: type[R], *, beside: str, left_out: str = "") -> None:
        kept = [name for name in _field_names(kind) if name not in left_out.split()]
        odd = sorted(set(table.c.keys()) ^ {*kept, *beside.split()})
        if odd:
            raise ValueError(f"{table.name} and {kind.__name__} must agree, differ in {odd}")
        self._kind = kind
        hints = get_type_hints(kind)
        self._enums = {name: hints[name] for name in kept if isinstance(hints[name], EnumType)}
        self._names = tuple(kept)
        self._values = attrgetter(*kept)
        self.columns: tuple[sa.Column[Any], ...] = tuple(table.c[name] for name in kept)

    def row(self, record: R, **beside: Any) -> dict[str, Any]:
        """Return a table's row: the record's fields, and some or all of the columns beside them."""
        row = {**beside, **dict(zip(self._names, self._values(record), strict=True))}
        for name in self._enums:
            row[name] = row[name].value
        return row

    def record(self, row: sa.Row[Any] | Mapping[Any, Any], **left_out: Any) -> R:
        """Return the record of a row that has at least these columns, with fields that have none of their own."""
        named = row if isinstance(row, Mapping) else row._mapping  # noqa: SLF001 -- SQLAlchemy's public name for it
        return self.of([named[name] for name in self._names], **left_out)

    def of(self, values: Sequence[Any], **left_out: Any) -> R:
        """Return the record of the values of `columns`, in their order: quicker where there are many."""
        facts = dict(zip(self._names, values, strict=True))
        for name, kind in self._enums.items():
            facts[name] = kind(facts[name])
        return self._kind(**facts, **left_out)


def _field_names(kind: type[object]) -> tuple[str, ...]:
    if issubclass(kind, BaseModel):
        return tuple(kind.model_fields)
    return tuple(field.name for field in fields(kind))  # type: ignore[arg-type]  # what is no model is a dataclass
