"""Lists as they are asked for and answered: a page, and the cursor of the next."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from services.trading_api.db.paging import BadCursor, Listing, page
from services.trading_api.http.fields import WholeNumber
from services.trading_api.http.problems import FieldError, Problem, shown
from services.trading_api.http.state import AppState
from services.trading_api.text import Row
from shared.db.engine import reading

ItemT = TypeVar("ItemT")


class PageOut(BaseModel, Generic[ItemT]):
    """A page of a list; `next_cursor` is null at its end."""

    items: list[ItemT]
    next_cursor: str | None


Limit = Annotated[WholeNumber, Query(ge=1, le=1000, description="At most so many items.")]
Cursor = Annotated[str | None, Query(max_length=500, description="The next_cursor of the page before.")]


def paged(
    state: AppState, listing: Listing, view: Callable[[Row], ItemT], *, limit: int, cursor: str | None
) -> PageOut[ItemT]:
    """Return a page of a listing, each row as its view."""
    try:
        with reading(state.engine) as db:
            rows = page(db, listing, limit=limit, cursor=cursor)
    except BadCursor:
        raise bad_cursor(cursor) from None
    return PageOut(items=[view(row) for row in rows.rows], next_cursor=rows.next_cursor)


def bad_cursor(cursor: str | None) -> Problem:
    """Return the problem of a cursor that was not given out for this list."""
    error = FieldError("query.cursor", "must be the next_cursor of a page of this list", None, shown(cursor))
    return Problem("invalid_request", errors=[error])
