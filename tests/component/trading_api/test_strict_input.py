"""What callers send is read as strictly as the document says, and refused in their language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from services.trading_api.http.korean import rule_in_korean
from shared.paths import ROOT
from tests.component.trading_api.trading_api_bench import ApiBench, an_order

KOREAN = {"Accept-Language": "ko"}


@pytest.fixture
def bench(tmp_path: Path) -> ApiBench:
    return ApiBench(tmp_path)


@pytest.fixture
def operator(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("operator") as client:
        yield client


@pytest.fixture
def hanbit(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("hanbit") as client:
        yield client


def errors_of(answer: object) -> list[dict[str, str]]:
    return answer.json()["errors"]  # type: ignore[attr-defined,no-any-return]  # an httpx.Response


@pytest.mark.parametrize("body", ["1.5", "0", "0.0", "false", '""', "[]", '"x"'])
def test_a_call_without_a_body_takes_none(operator: TestClient, body: str) -> None:
    answer = operator.post("/api/v1/market/resume", content=body)

    assert answer.status_code == 422
    assert operator.get("/api/v1/audit").json()["items"] == []


@pytest.mark.parametrize("scale", [True, "2", None, [1]])
def test_a_study_s_scale_is_a_number(operator: TestClient, scale: object) -> None:
    answer = operator.post("/api/v1/studies", json={"trading_day": "2026-05-20", "pv_scales": [scale]})

    assert answer.status_code == 422
    assert errors_of(answer)[0]["field"] == "pv_scales.0"


def test_a_study_of_more_scenarios_than_the_planner_takes_is_refused_at_once(operator: TestClient) -> None:
    ten = [part / 10 for part in range(10)]
    # 10 x 10 x 2 is what the planner takes, 10 x 10 x 3 is not.
    study = {"trading_day": "2026-05-20", "battery_scales": ten, "pv_scales": ten, "tariff_options": ["I", "II"]}
    most = operator.post("/api/v1/studies", json=study)
    more = operator.post("/api/v1/studies", json={**study, "tariff_options": ["I", "II", "III"]})

    assert (most.status_code, more.status_code) == (202, 422)
    assert "200" in errors_of(more)[0]["rule"]
    assert "300" in errors_of(more)[0]["rule"]


@pytest.mark.parametrize("price", ["1.", ".5", "1e2", "+1", "1_0", " 1", "-", "."])
def test_a_decimal_is_written_as_the_document_says(hanbit: TestClient, price: str) -> None:
    answer = hanbit.post("/api/v1/orders", json=an_order(price_krw_per_kwh=price))

    assert answer.status_code == 422
    assert errors_of(answer)[0]["field"] == "price_krw_per_kwh"


def test_the_document_says_that_decimals_may_be_numbers(hanbit: TestClient) -> None:
    fields = hanbit.get("/openapi.json").json()["components"]["schemas"]["OrderIn"]["properties"]

    assert hanbit.post("/api/v1/orders", json=an_order(price_krw_per_kwh=130.25)).status_code == 201
    assert [kind["type"] for kind in fields["price_krw_per_kwh"]["anyOf"]] == ["string", "number"]


@pytest.mark.parametrize(
    "text",
    [
        "20260520T060000Z",
        "2026-05-20 06:00:00Z",
        "2026-05-20T06Z",
        "2026-W21-3T06:00:00Z",
        "2026-05-20T06:00:00,000Z",
        "2026-05-20T15:00:00+0900",
        "2026-05-20T15:00:00+09",
        "2026-05-20T15:00:00+09:00:00",
        "2026-05-20T06:00:00.0000001Z",
    ],
)
def test_an_instant_is_written_as_the_document_says(hanbit: TestClient, text: str) -> None:
    answer = hanbit.post("/api/v1/orders", json=an_order(delivery_start=text))

    assert answer.status_code == 422
    assert errors_of(answer)[0]["field"] == "delivery_start"


@pytest.mark.parametrize("text", ["2026-05-20T06:00:00Z", "2026-05-20T15:00:00+09:00", "2026-05-20T06:00:00.000Z"])
def test_an_instant_in_rfc_3339_is_taken(hanbit: TestClient, text: str) -> None:
    answer = hanbit.post("/api/v1/orders", json=an_order(delivery_start=text))

    assert answer.json()["delivery_start"] == "2026-05-20T06:00:00Z"


@pytest.mark.parametrize("odd", ["\n", "\r", "\t", "\x1b", "\u202e", "\u2066", "\u200f", "\u2028", "\ufeff"])
def test_a_name_or_reason_is_one_line_that_reads_as_it_is_written(operator: TestClient, odd: str) -> None:
    halted = operator.post("/api/v1/market/halt", json={"reason": f"fire{odd}drill"})
    key = operator.post("/api/v1/api-keys", json={"name": f"desk{odd}1", "role": "planner"})

    assert (halted.status_code, key.status_code) == (422, 422)
    # What is shown of it can't break a line or turn its direction either.
    assert odd not in errors_of(halted)[0]["value"]


def test_numbers_at_fault_read_as_they_were_sent(hanbit: TestClient) -> None:
    answer = hanbit.post("/api/v1/orders", json=an_order(side=0.7, price_krw_per_kwh=[0.7, None, True, {"a": 1.5}]))

    assert [error["value"] for error in errors_of(answer)] == ["0.7", "[0.7, None, True, {'a': 1.5}]"]


def test_a_korean_reads_rules_in_korean_and_times_of_korea(bench: ApiBench, hanbit: TestClient) -> None:
    late = hanbit.post("/api/v1/orders", json=an_order(delivery_start="2026-05-20T03:00:00Z"), headers=KOREAN)
    wrong = hanbit.post("/api/v1/orders", json=an_order(quantity_kwh="-1", side="by", more=1), headers=KOREAN)
    beyond = hanbit.post("/api/v1/orders", json=an_order(price_krw_per_kwh="99999"), headers=KOREAN)
    with bench.client("hanbit") as client:
        english = client.post("/api/v1/orders", json=an_order(delivery_start="2026-05-20T03:00:00Z"))

    assert late.json()["detail"].startswith("2026-05-20 12:00(한국 시각) 인도분의 주문은 2026-05-20 11:45(한국 시각)")
    # Programs read the members, which are the same in each language.
    assert late.json()["gate_closure"] == english.json()["gate_closure"] == "2026-05-20T02:45:00Z"
    assert "2026-05-20T02:45:00Z" in english.json()["detail"]
    for answer in (wrong, beyond):
        assert all("야 합니다" in error["rule"] for error in errors_of(answer))


def texts(node: ast.expr) -> Iterator[str]:
    """Yield the text of an expression, `7` standing for what is put into it."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)
        case ast.IfExp(body=body, orelse=orelse):
            yield from texts(body)
            yield from texts(orelse)


def rules_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Assign(targets=[ast.Name(id="rule")], value=value):
                yield from texts(value)
            case ast.Call(args=arguments):
                yield from (text for argument in arguments for text in texts(argument) if "must " in text)


def test_each_rule_of_the_api_has_its_korean_sentence() -> None:
    # What no answer says: faults of the program itself, of a cursor's parts, and of an operator's files.
    internal = ("stream:", "problem ", "key ")
    files = set((ROOT / "services/trading_api").rglob("*.py")) - {
        ROOT / "services/trading_api" / name for name in ("db/paging.py", "access/tokens.py", "access/bootstrap.py")
    }
    rules = {rule for path in files for rule in rules_in(path)}
    asked = {rule for rule in rules if "must " in rule and not rule.startswith(internal) and "{" not in rule}

    assert len(asked) > 20
    assert sorted(rule for rule in asked if rule_in_korean(rule) == rule) == []


@pytest.mark.parametrize(
    ("rule", "korean"),
    [
        ("Field required", "필수 항목입니다"),
        ("Extra inputs are not permitted", "알려진 항목이어야 합니다"),
        ("Input should be a valid string", "문자열이어야 합니다"),
        ("Input should be 'buy' or 'sell'", "다음 중 하나여야 합니다: 'buy' or 'sell'"),
        ("Input should be greater than or equal to 0", "0 이상이어야 합니다"),
        ("String should have at most 200 characters", "200자 이하여야 합니다"),
        ("must be at most 500.00 KRW/kWh", "500.00 KRW/kWh 이하여야 합니다"),
    ],
)
def test_a_rule_of_the_framework_has_its_korean_sentence(rule: str, korean: str) -> None:
    assert rule_in_korean(rule) == korean
