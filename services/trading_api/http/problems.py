"""Errors as RFC 9457 problems: a stable type, a sentence in the caller's language, and the fields at fault."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from services.trading_api.http.korean import rule_in_korean
from services.trading_api.text import Row, instant_text
from shared.clock import ClockStepped
from shared.db.engine import DATABASE_FAULTS
from shared.errors import printable, written
from shared.events.wire import MESSAGE_BYTES_MAX, EventTooLarge
from shared.intervals import KST

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
SHOWN_CHARACTERS_MAX = 120
RETRY_AFTER_S = 2
# Members that RFC 9457 and this API give a meaning of their own, in every problem the same.
RESERVED = frozenset({"type", "title", "status", "detail", "instance", "code", "errors"})


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem: its HTTP status and its sentence in both languages, with places for the facts."""

    status: int
    en: str
    ko: str


KINDS: Mapping[str, ProblemKind] = {
    "unauthorized": ProblemKind(401, "A valid API key or token is needed.", "유효한 API 키 또는 토큰이 필요합니다."),
    "forbidden": ProblemKind(403, "This call needs the role {roles}.", "이 호출에는 {roles} 역할이 필요합니다."),
    "not_found": ProblemKind(404, "There is nothing here.", "찾을 수 없습니다."),
    "method_not_allowed": ProblemKind(405, "This method is not offered here.", "지원하지 않는 메서드입니다."),
    "body_too_large": ProblemKind(
        413, "The body may have at most {limit_bytes} bytes.", "본문은 최대 {limit_bytes}바이트입니다."
    ),
    "body_too_slow": ProblemKind(
        408, "The body has to arrive within {limit_s} seconds.", "본문은 {limit_s}초 안에 도착해야 합니다."
    ),
    "malformed_json": ProblemKind(400, "The body must be JSON: {rule}.", "본문은 올바른 JSON이어야 합니다: {rule}."),
    "invalid_request": ProblemKind(
        422, "Some fields break a rule; see errors.", "규칙에 맞지 않는 항목이 있습니다. errors를 확인하세요."
    ),
    "limit_exceeded": ProblemKind(
        422, "The order is beyond a limit; see errors.", "주문이 한도를 벗어났습니다. errors를 확인하세요."
    ),
    "gate_closed": ProblemKind(
        409,
        "The book for delivery at {delivery_start} closed at {gate_closure}.",
        "{delivery_start} 인도분의 주문은 {gate_closure}에 마감되었습니다.",
    ),
    "no_day_ahead_auction": ProblemKind(
        409, "The market calendar has no day-ahead auction.", "현재 시장 일정에는 하루전 경매가 없습니다."
    ),
    "participant_suspended": ProblemKind(
        409,
        "You may not trade since {since}: {reason}",
        "{since}부터 거래 참여가 정지되었습니다: {reason}",
    ),
    "block_not_amendable": ProblemKind(
        409, "A block can be taken back, not changed.", "블록 주문은 취소만 가능하고 변경할 수 없습니다."
    ),
    "client_order_id_reused": ProblemKind(
        409,
        "This client_order_id stands for another order, {order_id}.",
        "이 client_order_id는 다른 주문({order_id})에 쓰였습니다.",
    ),
    "too_many_open_orders": ProblemKind(
        409, "At most {limit} orders may be open at a time.", "열린 주문은 최대 {limit}건까지입니다."
    ),
    "order_ended": ProblemKind(
        409, "The order has ended already: {order_status}.", "주문이 이미 종료되었습니다: {order_status}."
    ),
    "clock_not_settable": ProblemKind(
        409, "This clock's speed can't be set here.", "이 시계의 배속은 여기서 바꿀 수 없습니다."
    ),
    "scene_busy": ProblemKind(
        409, "This scene is on, or about to begin.", "이 장면은 이미 진행 중이거나 곧 시작됩니다."
    ),
    "study_unfinished": ProblemKind(
        409, "The study has no results: {study_status}.", "검토 결과가 아직 없습니다: {study_status}."
    ),
    "event_too_large": ProblemKind(
        422,
        "What you ask for is too large to be passed on; see errors.",
        "요청한 내용이 너무 커서 전달할 수 없습니다. errors를 확인하세요.",
    ),
    "too_many_requests": ProblemKind(
        429, "At most {limit} calls a second are allowed.", "초당 최대 {limit}회 호출할 수 있습니다."
    ),
    "too_many_refusals": ProblemKind(
        429,
        "Your address was refused, or signed in, more than {limit} times this minute.",
        "이 주소에서 거부되었거나 로그인한 횟수가 1분에 {limit}회를 넘었습니다.",
    ),
    "too_many_streams": ProblemKind(
        429, "At most {limit} live connections may be open.", "실시간 연결은 최대 {limit}개까지 열 수 있습니다."
    ),
    "internal": ProblemKind(500, "Something went wrong on our side.", "서버 오류가 발생했습니다."),
    "unavailable": ProblemKind(
        503, "The service can't answer just now; try again.", "지금은 응답할 수 없습니다. 다시 시도하세요."
    ),
    "clock_stepped": ProblemKind(
        503,
        "The exchange's clock was stepped; it takes nothing until that is explained. Try again.",
        "거래소 시계가 갑자기 바뀌어 확인될 때까지 접수하지 않습니다. 다시 시도하세요.",
    ),
    "http_error": ProblemKind(400, "The request can't be served.", "요청을 처리할 수 없습니다."),
}
_BY_STATUS = {401: "unauthorized", 404: "not_found", 405: "method_not_allowed"}


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field at fault: the rule it breaks, the limit in it if there is one, and what was given."""

    field: str
    rule: str
    limit: str | None
    value: str


class Problem(Exception):  # noqa: N818 -- RFC 9457 calls it so
    """An answer that is not what the caller hoped for.

    Args:
        code: One of KINDS.
        errors: The fields at fault.
        headers: For the answer.
        facts: For the places in the sentence, which tells instants in the time of its reader; they are members of the
            problem too, beside those that all have, in UTC.

    Raises:
        ValueError: A fact has the name of such a member.
    """

    def __init__(
        self,
        code: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **facts: str | int | datetime,
    ) -> None:
        super().__init__(code)
        if RESERVED & facts.keys():
            raise ValueError(f"problem {code}: {sorted(RESERVED & facts.keys())} are no facts")
        self.code = code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.facts = facts


def add_handlers(app: FastAPI) -> None:
    """Let an app answer with problems, whatever goes wrong."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_cut_off)
    app.add_exception_handler(ClockStepped, _on_clock_stepped)
    for fault in DATABASE_FAULTS:
        app.add_exception_handler(fault, _on_unavailable)
    app.add_exception_handler(EventTooLarge, _on_too_large)
    app.add_exception_handler(Exception, _on_bug)


def answer(request: Request, problem: Problem, *, status: int | None = None) -> Response:
    """Return a problem's response."""
    kind = KINDS[problem.code]
    language = language_of(request.headers.get("accept-language", ""))
    korean = language == "ko"
    sentence = kind.ko if korean else kind.en
    told = {name: _told(fact, korean=korean) for name, fact in problem.facts.items()}
    content: dict[str, object] = {
        "type": f"urn:sandan:problem:{problem.code.replace('_', '-')}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": status or kind.status,
        "detail": sentence.format(**told),
        "code": problem.code,
        **{name: instant_text(fact) if isinstance(fact, datetime) else fact for name, fact in problem.facts.items()},
        "errors": [
            {
                "field": error.field,
                "rule": rule_in_korean(error.rule) if korean else error.rule,
                "limit": error.limit,
                "value": error.value,
            }
            for error in problem.errors
        ],
    }
    quota: dict[str, str] = getattr(request.state, "quota", {})
    headers = {"Content-Language": language, **quota, **problem.headers}
    # A lone surrogate in what a caller sent must not keep the answer from being written.
    body = json.dumps(content, ensure_ascii=False).encode(errors="replace")
    return Response(body, status_code=status or kind.status, headers=headers, media_type=CONTENT_TYPE)


def _told(fact: str | int | datetime, *, korean: bool) -> str | int:
    """Return a fact as a sentence has it: instants to the minute or second, in Korea's time for who reads Korean."""
    if not isinstance(fact, datetime):
        return rule_in_korean(fact) if korean and isinstance(fact, str) else fact
    if not korean:
        return instant_text(fact.astimezone(UTC).replace(microsecond=0))
    form = "%Y-%m-%d %H:%M:%S" if fact.second else "%Y-%m-%d %H:%M"
    return f"{fact.astimezone(KST):{form}}(한국 시각)"


def unavailable() -> Problem:
    """Return the problem of a call that was not done and may be made again soon."""
    return Problem("unavailable", headers={"Retry-After": str(RETRY_AFTER_S)})


def language_of(accept_language: str) -> str:
    """Return "ko" or "en", whichever the header prefers; "en" where it says nothing."""
    best, best_weight = "en", 0.0
    for part in accept_language.split(","):
        tag, *parameters = (word.strip() for word in part.lower().split(";"))
        language = tag.split("-")[0]
        try:
            weight = float(next((word[2:] for word in parameters if word.startswith("q=")), "1"))
        except ValueError:
            continue
        if language in {"ko", "en"} and weight > best_weight:
            best, best_weight = language, weight
    return best


def shown(given: object) -> str:
    """Return what was given as short, harmless text."""
    try:
        text = printable(given) if isinstance(given, str) else written(given)
    except (ValueError, RecursionError):
        # An integer of thousands of digits, or a structure deeper than the interpreter's stack.
        text = "(too large to show)"
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 3] + "..."


def _on_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)  # noqa: S101 -- registered for it; narrows the type
    return answer(request, problem)


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for it; narrows the type
    return answer(request, Problem("invalid_request", errors=[_field_error(fault) for fault in error.errors()]))


def _field_error(one: Row) -> FieldError:
    place = [str(part) for part in one["loc"]]
    where, names = (place[0], place[1:]) if place else ("body", [])
    limits = [one["ctx"][name] for name in _LIMITS if name in one.get("ctx", {})]
    return FieldError(
        field=".".join(names if where == "body" else place) or "body",
        rule=str(one["msg"]).removeprefix("Value error, "),
        limit=str(limits[0]) if limits else None,
        value="" if one["type"] == "missing" else shown(one.get("input", "")),
    )


_LIMITS = ("ge", "le", "gt", "lt", "max_length", "min_length", "pattern", "expected", "limit")


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for it; narrows the type
    code = _BY_STATUS.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return answer(request, Problem(code, headers=headers), status=error.status_code)


def _methods_at(request: Request) -> set[str]:
    """Return what a path offers; each call is a route of its own, and the framework names only the first one's."""
    added = (route for route in request.app.routes if isinstance(route, Route))
    routes: Sequence[Route] = [*request.app.state.routes, *added]
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    # Files are mounted, and no routes.
    methods = {method for route in matching for method in route.methods or ()} or {"GET"}
    return methods | {"HEAD"} if "GET" in methods else methods


def _on_cut_off(request: Request, error: Exception) -> Response:
    del error
    logger.debug("a body was cut off", extra={"path": request.url.path})
    return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it


def _on_unavailable(request: Request, error: Exception) -> Response:
    logger.warning("database away", extra={"path": request.url.path, "reason": type(error).__name__})
    return answer(request, unavailable())


def _on_clock_stepped(request: Request, error: Exception) -> Response:
    logger.warning("call refused", extra={"path": request.url.path, "reason": str(error)})
    return answer(request, Problem("clock_stepped", headers={"Retry-After": str(RETRY_AFTER_S)}))


def _on_too_large(request: Request, error: Exception) -> Response:
    assert isinstance(error, EventTooLarge)  # noqa: S101 -- registered for it; narrows the type
    logger.warning("event refused", extra={"path": request.url.path, "reason": str(error)})
    rule = f"must fit into a message of {MESSAGE_BYTES_MAX} bytes"
    fault = FieldError("body", rule, str(MESSAGE_BYTES_MAX), f"{error.size_bytes} bytes as {error.event_type}")
    return answer(request, Problem("event_too_large", errors=[fault]))


def _on_bug(request: Request, error: Exception) -> Response:
    logger.error("request failed", extra={"path": request.url.path, "method": request.method}, exc_info=error)
    return answer(request, Problem("internal"))
