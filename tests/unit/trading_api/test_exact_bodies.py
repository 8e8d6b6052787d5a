import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.trading_api.http.problems import language_of, shown
from services.trading_api.orders.schemas import OrderIn
from shared.strict_json import parse
from shared.units import krw_text, kwh_text

FACTS = {"client_order_id": "a", "delivery_start": "2026-05-20T12:30:00+09:00", "side": "sell"}


@given(price_jeon=st.integers(-(10**15), 10**15), quantity_wh=st.integers(1, 10**15), as_number=st.booleans())
def test_every_decimal_within_bounds_arrives_to_the_last_digit(
    price_jeon: int, quantity_wh: int, as_number: bool
) -> None:
    price, quantity = krw_text(price_jeon), kwh_text(quantity_wh)
    quote = "" if as_number else '"'
    tail = f'"price_krw_per_kwh":{quote}{price}{quote},"quantity_kwh":{quote}{quantity}{quote}}}'

    order = OrderIn.model_validate(parse((json.dumps(FACTS)[:-1] + "," + tail).encode(), where="body")).draft()

    assert (order.price_jeon_per_kwh, order.quantity_wh) == (price_jeon, quantity_wh)


@pytest.mark.parametrize("price", [True, None, [], "", ".", "1e2", " 1", "+1", "1_0", "\uff11", "0x1", 1.5, "9" * 41])
def test_what_is_no_plain_decimal_is_no_price(price: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        OrderIn.model_validate({**FACTS, "price_krw_per_kwh": price, "quantity_kwh": "1"})

    assert [error["loc"] for error in refused.value.errors()] == [("price_krw_per_kwh",)]


def test_what_can_not_be_shown_is_not_shown() -> None:
    assert shown(10**5_000) == "(too large to show)"
    assert len(shown("x" * 500)) == 120


@given(st.text(max_size=30))
def test_any_accept_language_leads_to_one_of_the_two(header: str) -> None:
    assert language_of(header) in {"ko", "en"}
