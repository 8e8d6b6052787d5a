"""The people of the recorded day: an operator and two factories, who act over HTTP at instants of the demo's day."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from shared.intervals import INTERVAL, day_start, interval_of

DAY = date(2026, 5, 20)
BUYER_ID, SELLER_ID = "seojin-plating", "hanbit-machining"
ANSWER_WAIT_S = 30.0
# A day-ahead auction at 11:00 Korean time, as the calendar counts it.
DAY_AHEAD_GATE_S = 39_600

Call = Callable[..., Any]


@dataclass(frozen=True)
class Scene:
    """What people do at an instant; `act` takes the instant at which it is done."""

    at: datetime
    act: Callable[[datetime], object]


def say(sentence: str) -> None:
    """Tell the person who records."""
    sys.stderr.write(f"{sentence}\n")


def caller(url: str, key: str) -> Call:
    """Return a function that calls the API with a key and returns the answer, or None where the API refuses."""

    def call(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}api/v1{path}", method=method, data=content, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_WAIT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            say(f"{method} {path} {error.code} {error.read().decode()[:200]}")
            return None

    return call


def an_order(number: int, start: datetime, side: str, price: str, quantity: str = "3.000") -> dict[str, Any]:
    """Return the body of an order; price in KRW/kWh, quantity in kWh."""
    facts = {"client_order_id": f"recorded-{number}", "delivery_start": start.isoformat(), "side": side}
    return {**facts, "price_krw_per_kwh": price, "quantity_kwh": quantity}


def a_calendar(start: datetime, **changed: object) -> dict[str, object]:
    """Return a version of the demo's calendar with a day-ahead auction; `changed` are its fields that differ."""
    return {
        "effective_from": start.isoformat(),
        "gate_closure_lead_s": 1_800,
        "price_krw_per_kwh_min": "0",
        "price_krw_per_kwh_max": "500",
        "order_quantity_kwh_max": "2000",
        "day_ahead_gate_s": DAY_AHEAD_GATE_S,
        **changed,
    }


def scenes(operator: Call, buyer: Call, seller: Call) -> list[Scene]:
    """Return what happens on the day, earliest first."""
    told = [*scenes_of_the_operator(operator), *scenes_of_traders(buyer, seller)]
    return sorted(told, key=lambda scene: scene.at)


def scenes_of_the_operator(operator: Call) -> Iterator[Scene]:
    """Return a halt, a suspension, a limit, and a calendar that is changed three times."""

    def calendar_after(intervals: int, **changed: object) -> Callable[[datetime], object]:
        return lambda now: operator(
            "POST", "/market/calendar", a_calendar(interval_of(now) + intervals * INTERVAL, **changed)
        )

    def post(path: str, body: Mapping[str, object] | None = None) -> Callable[[datetime], object]:
        return lambda _: operator("POST", path, body)

    # Before midnight: a day-ahead auction is one of the calendar that holds when its day before begins.
    yield Scene(after_hours(-0.9), calendar_after(2))
    yield Scene(after_hours(8), post("/market/halt", {"reason": "recorded: a halt of an hour"}))
    yield Scene(after_hours(9), post("/market/resume"))
    yield Scene(after_hours(12), post(f"/participants/{BUYER_ID}/suspend", {"reason": "recorded"}))
    yield Scene(after_hours(13.5), post(f"/participants/{BUYER_ID}/resume"))
    # The second open order breaks it.
    limits = {"participant_id": SELLER_ID, "open_orders_max": 1, "credit_limit_krw": None}
    yield Scene(after_hours(14), post("/limits", limits))
    stricter = {"gate_closure_lead_s": 2_700, "tick_krw_per_kwh": "5", "lot_kwh": "0.5", "price_krw_per_kwh_max": "160"}
    yield Scene(after_hours(16), calendar_after(4, **stricter))
    yield Scene(after_hours(18), calendar_after(4))


def scenes_of_traders(buyer: Call, seller: Call) -> Iterator[Scene]:
    """Return orders each half hour, some amended or cancelled, one too large for its site, and a day-ahead book."""

    def trade(now: datetime) -> None:
        number, start = int((now - day_start(DAY)).total_seconds()), interval_of(now) + 4 * INTERVAL
        bought = buyer("POST", "/orders", an_order(number, start, "buy", "151.50"))
        seller("POST", "/orders", an_order(number, start, "sell", "99.00", "4.500"))
        gone = seller("POST", "/orders", an_order(number + 1, start, "sell", "98.00"))
        if bought is not None:
            buyer("PATCH", f"/orders/{bought['order_id']}", {"price_krw_per_kwh": "149.25", "quantity_kwh": "2.500"})
        if gone is not None:
            seller("DELETE", f"/orders/{gone['order_id']}")

    def trade_too_much(now: datetime) -> None:
        buyer("POST", "/orders", an_order(800_000, interval_of(now) + 5 * INTERVAL, "buy", "151.50", "1500.000"))

    def trade_tomorrow(_: datetime) -> None:
        morning = day_start(DAY) + timedelta(days=1, hours=8)
        day_ahead = {"auction": "day_ahead"}
        for number in range(16):
            start = morning + number * INTERVAL
            buyer("POST", "/orders", an_order(900_000 + number, start, "buy", "140.00", "20.000") | day_ahead)
            seller("POST", "/orders", an_order(910_000 + number, start, "sell", "110.00", "8.000") | day_ahead)
        # Two hours each: the first block finds buyers, the second asks for more than they pay.
        for number, price in ((920_000, "105.00"), (920_001, "190.00")):
            block = an_order(number, morning + timedelta(hours=1), "sell", price)
            seller("POST", "/blocks", {**block, "quantity_kwh": ["5.000"] * 8})

    yield from (Scene(after_hours(0.2 + half / 2), trade) for half in range(45))
    yield Scene(after_hours(4), trade_tomorrow)
    yield Scene(after_hours(10.1), trade_too_much)


def after_hours(hours: float) -> datetime:
    """Return the instant so many hours after the day begins."""
    return day_start(DAY) + timedelta(hours=hours)
