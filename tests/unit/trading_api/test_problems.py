import json
from string import Formatter
from typing import Any

import pytest
from starlette.requests import Request

from services.trading_api.http.problems import KINDS, Problem, answer

STANDARD = {"type", "title", "status", "detail", "code", "errors"}


@pytest.mark.parametrize("code", KINDS)
def test_status_is_the_number_of_the_answer_whatever_a_problem_is_about(code: str) -> None:
    kind = KINDS[code]
    places = {name for _, name, _, _ in Formatter().parse(kind.en) if name}
    request = Request({"type": "http", "headers": []})
    facts: dict[str, Any] = dict.fromkeys(places, "filled")

    response = answer(request, Problem(code, **facts))

    content = json.loads(bytes(response.body))
    assert (content["status"], response.status_code) == (kind.status, kind.status)
    assert content.keys() == STANDARD | places
    assert {name for _, name, _, _ in Formatter().parse(kind.ko) if name} == places


@pytest.mark.parametrize("name", ["status", "type", "detail", "instance"])
def test_no_fact_takes_the_place_of_a_member_that_all_problems_have(name: str) -> None:
    facts: dict[str, Any] = {name: "filled"}

    with pytest.raises(ValueError, match="are no facts"):
        Problem("order_ended", **facts)
