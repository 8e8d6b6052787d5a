"""Why an order of an auction got what it got: a code with its figures, put into a sentence in Korean and English.

The market says the code; whoever shows the order knows the figures and asks for the sentence.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from shared.units import krw_text, kwh_text


class FillReason(StrEnum):
    """What decided about an order of a book that was auctioned."""

    FILLED = "filled"
    AT_PRICE = "at_price"
    OUTBID = "outbid"
    NO_TRADE = "no_trade"
    HALTED = "halted"
    OWN_ORDER = "own_order"
    SITE_LIMIT = "site_limit"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An order, the price at its feeder, and what it got.

    Args:
        reason: The market's code.
        side: "buy" or "sell".
        limit_jeon_per_kwh: The order's own price.
        price_jeon_per_kwh: What was paid at its feeder; None where nothing was traded.
        feeder_id: Where its participant is connected.
        full: Which way the feeder could carry no more: "import", "export" or None.
    """

    reason: FillReason
    side: str
    quantity_wh: int
    filled_wh: int
    limit_jeon_per_kwh: int
    price_jeon_per_kwh: int | None
    feeder_id: str
    full: str | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence in both languages."""

    ko: str
    en: str


_FULL = {
    None: Sentence("", ""),
    "import": Sentence("(수전 한도까지 찼음)", ", which was full (it could import no more)"),
    "export": Sentence("(송전 한도까지 찼음)", ", which was full (it could export no more)"),
}


def sentence(outcome: Outcome) -> Sentence:
    """Say why an order got what it got."""
    limit = krw_text(outcome.limit_jeon_per_kwh)
    asked, got = kwh_text(outcome.quantity_wh), kwh_text(outcome.filled_wh)
    is_buy = outcome.side == "buy"
    match outcome.reason:
        case FillReason.FILLED:
            return _compared(outcome, f"{got} kWh 전량이 체결되었습니다", f"all {got} kWh were filled", better=True)
        case FillReason.OUTBID:
            return _compared(outcome, "체결되지 않았습니다", "nothing was filled", better=False)
        case FillReason.AT_PRICE:
            return _at_price(outcome)
        case FillReason.NO_TRADE:
            return Sentence(
                f"{_at_ko(outcome)}에서는 주문가 {limit}원에 응할 수 있는 {'매도' if is_buy else '매수'} 주문이 "
                "없어 거래가 없었습니다.",
                f"Nothing was traded on {_at_en(outcome)}: no {'seller' if is_buy else 'buyer'} within reach met your "
                f"{limit}.",
            )
        case FillReason.HALTED:
            return Sentence(
                "게이트 마감 시점에 시장이 정지되어 있어 체결되지 않았습니다.",
                "The market was halted at gate closure, so nothing was filled.",
            )
        case FillReason.SUSPENDED:
            return Sentence(
                "주문이 접수된 시점에 거래 참여가 정지되어 있어 제외되었습니다.",
                "Your participation was suspended when the order was entered, so it was left out.",
            )
        case FillReason.OWN_ORDER:
            return Sentence(
                f"같은 참여자의 먼저 접수된 반대 주문과 맞물려, 나중 주문인 {limit}원 주문이 제외되었습니다.",
                f"Your {limit} would have met an earlier order of your own, so the later of the two was left out.",
            )
        case FillReason.SITE_LIMIT:
            return Sentence(
                f"앞선 주문과 합하면 연계 설비 한도를 넘어 {asked} kWh 주문이 제외되었습니다.",
                f"With your earlier orders these {asked} kWh are more than your site can "
                f"{'take' if is_buy else 'deliver'}, so the order was left out.",
            )
        case _:
            assert_never(outcome.reason)


def suspension_sentence() -> Sentence:
    """Say why an order was cancelled that its participant did not take back."""
    return Sentence(
        "거래 참여가 정지되어 주문이 취소되었습니다.",
        "The order was cancelled, since your participation was suspended.",
    )


def block_sentence(reason: str, gain_krw: int | None) -> Sentence:
    """Say what became of a block of the day-ahead auction.

    Args:
        reason: As in BlockDecided.
        gain_krw: What it gains, or would have gained, against its own price; None where an interval has no price.
    """
    ko, en = _BLOCK[reason]
    won = Sentence("", "") if gain_krw is None else _against_own_price(abs(gain_krw), is_gain=gain_krw >= 0)
    return Sentence(f"{ko}{won.ko}.", f"{en}{won.en}.")


def _against_own_price(won_krw: int, *, is_gain: bool) -> Sentence:
    if is_gain:
        return Sentence(f" (주문가 대비 이득 {won_krw:,}원)", f" (a gain of {won_krw:,} KRW against its own price)")
    return Sentence(f" (주문가 대비 손실 {won_krw:,}원)", f" (a loss of {won_krw:,} KRW against its own price)")


_BLOCK = {
    "accepted": ("블록 전체가 체결되었습니다", "The whole block was filled"),
    "out_of_money": (
        "구간 가격이 블록의 주문가에 맞지 않았습니다",
        "The prices of its intervals do not suit the block",
    ),
    "in_the_money": (
        "가격은 맞았지만 아무도 손해 보지 않고 블록 전체를 체결할 수 없었습니다",
        "The prices would suit the block, but all of it could not be filled so that nobody loses",
    ),
    "site_limit": (
        "앞선 주문과 합하면 연계 설비 한도를 넘어 블록이 제외되었습니다",
        "With your earlier orders the block is more than your site can take or deliver, so it was left out",
    ),
    "halted": (
        "게이트 마감 시점에 시장이 정지되어 있어 체결되지 않았습니다",
        "The market was halted at gate closure, so nothing was filled",
    ),
    "suspended": (
        "블록이 접수된 시점에 거래 참여가 정지되어 있어 제외되었습니다",
        "Your participation was suspended when the block was entered, so it was left out",
    ),
}


def _compared(outcome: Outcome, end_ko: str, end_en: str, *, better: bool) -> Sentence:
    """Compare the order's limit with the price; a limit of the better kind may also equal the price."""
    limit, price = krw_text(outcome.limit_jeon_per_kwh), krw_text(outcome.price_jeon_per_kwh or 0)
    is_above = (outcome.side == "buy") is better
    than_ko, than_en = ("높아", "above") if is_above else ("낮아", "below")
    return Sentence(
        f"주문가 {limit}원이 {_at_ko(outcome)}의 가격 {price}원보다 {than_ko} {end_ko}.",
        f"Your {limit} was {than_en} the price of {price} on {_at_en(outcome)}: {end_en}.",
    )


def _at_price(outcome: Outcome) -> Sentence:
    price = krw_text(outcome.price_jeon_per_kwh or 0)
    asked, got = kwh_text(outcome.quantity_wh), kwh_text(outcome.filled_wh)
    start_ko = f"주문가가 {_at_ko(outcome)}의 가격 {price}원과 같아"
    start_en = f"Your limit was the price of {price} on {_at_en(outcome)}"
    if outcome.filled_wh == outcome.quantity_wh:
        return Sentence(f"{start_ko} {got} kWh 전량이 체결되었습니다.", f"{start_en}: all {got} kWh were filled.")
    return Sentence(
        f"{start_ko} 먼저 접수된 주문 다음으로 {asked} kWh 중 {got} kWh가 체결되었습니다.",
        f"{start_en}: after the orders that came earlier, {got} of {asked} kWh were filled.",
    )


def _at_ko(outcome: Outcome) -> str:
    return f"피더 {outcome.feeder_id}{_FULL[outcome.full].ko}"


def _at_en(outcome: Outcome) -> str:
    return f"feeder {outcome.feeder_id}{_FULL[outcome.full].en}"
