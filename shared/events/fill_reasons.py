"""Why an order of an auction got what it got: a code with its figures, put into a sentence in Korean and English.

The market says the code; whoever shows the order knows the figures and asks for the sentence.
"""

from dataclasses import dataclass
from typing import assert_never

from shared.events.records import Fill, FillReason, Side
from shared.units import krw_text, kwh_text


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederPrice:
    """What an auction came to at a feeder.

    Args:
        feeder_id: Where the participant is connected.
        price_jeon_per_kwh: What was paid there; None where nothing was traded.
        full: Which way the feeder could carry no more: "import", "export" or None.
    """

    feeder_id: str
    price_jeon_per_kwh: int | None
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


def sentence(reason: FillReason, fill: Fill, feeder: FeederPrice) -> Sentence:
    """Say why an order got what it got."""
    limit = krw_text(fill.price_jeon_per_kwh)
    asked, got = kwh_text(fill.quantity_wh), kwh_text(fill.filled_wh)
    is_buy = fill.side is Side.BUY
    match reason:
        case FillReason.FILLED:
            return _compared(
                fill, feeder, f"{got} kWh 전량이 체결되었습니다", f"all {got} kWh were filled", better=True
            )
        case FillReason.OUTBID:
            return _compared(fill, feeder, "체결되지 않았습니다", "nothing was filled", better=False)
        case FillReason.AT_PRICE:
            return _at_price(fill, feeder)
        case FillReason.NO_TRADE:
            return Sentence(
                f"{_at_ko(feeder)}에서는 주문가 {limit}원에 응할 수 있는 {'매도' if is_buy else '매수'} 주문이 "
                "없어 거래가 없었습니다.",
                f"Nothing was traded on {_at_en(feeder)}: no {'seller' if is_buy else 'buyer'} within reach met your "
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
            assert_never(reason)


def suspension_sentence() -> Sentence:
    """Say why an order was cancelled that its participant did not take back."""
    return Sentence(
        "거래 참여가 정지되어 주문이 취소되었습니다.",
        "The order was cancelled, since your participation was suspended.",
    )


def lapse_sentence() -> Sentence:
    """Say why an order ended without an auction."""
    return Sentence(
        "시장 일정이 바뀌어 이 날의 하루전 경매가 열리지 않습니다.",
        "The market calendar was changed: the day-ahead auction of that day is not held.",
    )


def block_sentence(reason: str, gain_krw: int | None) -> Sentence:
    """Say what became of a block of the day-ahead auction.

    Args:
        reason: As in BlockDecided.
        gain_krw: What it gains, or would have gained, against its own price; None where an interval has no price.
    """
    ko, en = _UNPRICED if reason == "out_of_money" and gain_krw is None else _BLOCK[reason]
    won = Sentence("", "") if gain_krw is None else _against_own_price(abs(gain_krw), is_gain=gain_krw >= 0)
    return Sentence(f"{ko}{won.ko}.", f"{en}{won.en}.")


def _against_own_price(won_krw: int, *, is_gain: bool) -> Sentence:
    if is_gain:
        return Sentence(f" (주문가 대비 이득 {won_krw:,}원)", f" (a gain of {won_krw:,} KRW against its own price)")
    return Sentence(f" (주문가 대비 손실 {won_krw:,}원)", f" (a loss of {won_krw:,} KRW against its own price)")


_UNPRICED = (
    "거래가 없어 가격이 정해지지 않은 구간이 있어 블록이 체결되지 않았습니다",
    "The block did not run: an interval of it has no price, as nothing is traded there",
)
_BLOCK = {
    "accepted": ("블록 전체가 체결되었습니다", "The whole block was filled"),
    "out_of_money": (
        "구간 가격이 블록의 주문가에 맞지 않았습니다",
        "The prices of its intervals do not suit the block",
    ),
    "in_the_money": (
        "가격은 맞았지만 블록을 체결하면 손해 보는 쪽이 생기거나 전체 이득이 줄어듭니다",
        "The prices would suit the block, but with it somebody would lose, or all together gain less",
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


def _compared(fill: Fill, feeder: FeederPrice, end_ko: str, end_en: str, *, better: bool) -> Sentence:
    """Compare the order's limit with the price; a limit of the better kind may also equal the price."""
    limit, price = krw_text(fill.price_jeon_per_kwh), krw_text(feeder.price_jeon_per_kwh or 0)
    is_above = (fill.side is Side.BUY) is better
    than_ko, than_en = ("높아", "above") if is_above else ("낮아", "below")
    return Sentence(
        f"주문가 {limit}원이 {_at_ko(feeder)}의 가격 {price}원보다 {than_ko} {end_ko}.",
        f"Your {limit} was {than_en} the price of {price} on {_at_en(feeder)}: {end_en}.",
    )


def _at_price(fill: Fill, feeder: FeederPrice) -> Sentence:
    price = krw_text(feeder.price_jeon_per_kwh or 0)
    asked, got = kwh_text(fill.quantity_wh), kwh_text(fill.filled_wh)
    start_ko = f"주문가가 {_at_ko(feeder)}의 가격 {price}원과 같아"
    start_en = f"Your limit was the price of {price} on {_at_en(feeder)}"
    if fill.filled_wh == fill.quantity_wh:
        return Sentence(f"{start_ko} {got} kWh 전량이 체결되었습니다.", f"{start_en}: all {got} kWh were filled.")
    return Sentence(
        f"{start_ko} 먼저 접수된 주문 다음으로 {asked} kWh 중 {got} kWh가 체결되었습니다.",
        f"{start_en}: after the orders that came earlier, {got} of {asked} kWh were filled.",
    )


def _at_ko(feeder: FeederPrice) -> str:
    return f"피더 {feeder.feeder_id}{_FULL[feeder.full].ko}"


def _at_en(feeder: FeederPrice) -> str:
    return f"feeder {feeder.feeder_id}{_FULL[feeder.full].en}"
