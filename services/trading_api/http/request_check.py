"""What a call may be asked with: each parameter that it has, once, and a body where it takes one; nothing else."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams

from services.trading_api.http.problems import FieldError, Problem, shown

# An address can name thousands of parameters; nobody reads of more than these.
ERRORS_SHOWN_MAX = 10
Check = Callable[[QueryParams, object], None]


def check_of(route: APIRoute) -> Check:
    """Return what refuses a parameter or a body that a route does not have; passed over, it could become a deed.

    Its arguments are the query and what the body says; it raises a Problem.
    """
    fields = [field for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)]
    parameters = tuple(field.alias for field in fields)
    takes_body = route.body_field is not None

    def check(query: QueryParams, said: object) -> None:
        errors = list(_query_errors(query, parameters))
        if not takes_body and said not in (None, {}):
            errors += _body_errors(said)
        if errors:
            raise Problem("invalid_request", errors=errors[:ERRORS_SHOWN_MAX])

    return check


def _query_errors(query: QueryParams, parameters: Sequence[str]) -> Sequence[FieldError]:
    counts = Counter(name for name, _ in query.multi_items())
    unknown = [_stranger(name, query[name], parameters) for name in counts if name not in parameters]
    repeated = [name for name, count in counts.items() if count > 1 and name in parameters]
    return [
        *unknown,
        *(FieldError(f"query.{name}", "must be given once", "1", shown(query.getlist(name))) for name in repeated),
    ]


def _body_errors(said: object) -> Sequence[FieldError]:
    named = said if isinstance(said, Mapping) else {"body": said}
    rule = "must be left out; this call takes no body"
    return [FieldError(shown(name), rule, None, shown(sent)) for name, sent in named.items()]


def _stranger(name: str, sent: str, parameters: Sequence[str]) -> FieldError:
    rule = f"must be one of {', '.join(parameters)}" if parameters else "must be left out; this call has no parameters"
    likely = get_close_matches(name.lower().replace("-", "_"), parameters, n=1)
    hint = f"; did you mean {likely[0]}?" if likely else ""
    return FieldError(f"query.{shown(name)}", f"{rule}{hint}", None, shown(sent))
