"""`sandan replay`: hold a past auction again, from what the market logged, and compare every fill and the price."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import EXIT_WRONG_ANSWER, Folder, Pretty, print_answer
from shared.errors import BadInput
from shared.units import krw_text, kwh_text

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from services.market.store.auctions import AuctionRecord
    from shared.events.market import AuctionCleared

DIFFERENCES_SHOWN = 20


def replay(
    auction_id: Annotated[
        str,
        typer.Argument(
            help="As in GET /auctions: changwon-demo:20260520T0100Z. / GET /auctions의 경매 번호:"
            " changwon-demo:20260520T0100Z."
        ),
    ],
    folder: Folder = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Recompute a past auction: are every fill and the price the same? / 과거 경매를 다시 계산해 비교합니다.

    Needs what a deployment has left, such as `sandan demo` in var/demo-8000. Exit 1 where something differs. / 배포가
    남긴 데이터가 필요합니다(예: `sandan demo`의 var/demo-8000). 다른 점이 있으면 종료 코드 1.

    Example: sandan replay changwon-demo:20260520T0300Z --folder var/demo-8000
    """
    from cli.kept import database_of, kept_by

    base_url = database_of(folder)
    with kept_by("market", base_url) as db:
        answer = replayed(db, auction_id, where=base_url)
    print_answer(answer, pretty=pretty)
    if not answer["same"]:
        raise typer.Exit(EXIT_WRONG_ANSWER)


def replayed(db: "Connection", auction_id: str, *, where: str) -> dict[str, Any]:
    """Hold an auction again and compare it with what was kept.

    Raises:
        BadInput: There is no such auction, or it was held before its terms were kept.
    """
    import sqlalchemy as sa

    from services.market.domain.auction import certificate_sha256, hold_auction
    from services.market.domain.seals import DueAuction
    from services.market.handlers.auctions import auction_cleared, event_sha256
    from services.market.store.auctions import load_auction
    from services.market.store.day_ahead import load_day_ahead_trades
    from services.market.store.orders import load_book

    record = load_auction(db, auction_id)
    if record is None:
        raise BadInput(where=where, field="AUCTION_ID", rule="must name a past auction", value=auction_id)
    if record.terms is None:
        rule = "must be an auction whose terms were kept"
        raise BadInput(where=where, field="AUCTION_ID", rule=rule, value=auction_id)
    orders = load_book(db, record.complex_id, record.held.delivery_start)
    auction = hold_auction(record.terms, orders)
    due = DueAuction(record.held.delivery_start, record.held.cleared_at)
    agreed = load_day_ahead_trades(db, record.complex_id, record.held.delivery_start)
    event = auction_cleared(record.complex_id, due, auction, agreed)
    compared: dict[str, tuple[object, object]] = {
        "price_krw_per_kwh": (_krw(record.price_jeon_per_kwh), _krw(event.price_jeon_per_kwh)),
        "volume_kwh": (kwh_text(record.volume_wh), kwh_text(event.volume_wh)),
        "fees_krw": (record.fees_krw, event.fees_krw),
        "status": (record.status, event.status),
        "order_book_sha256": (record.book_hash, event.book_hash),
        "certificate_sha256": (
            None if record.certificate is None else certificate_sha256(record.certificate),
            auction.certificate_sha256,
        ),
    }
    kept_hash, again_hash = record.held.event_sha256, event_sha256(event)
    # An event of before a field was added can't be made again bit by bit; all else still can.
    if kept_hash is not None and kept_hash.partition(":")[0] == again_hash.partition(":")[0]:
        compared["event_sha256"] = (kept_hash, again_hash)
    different = _different_fills(record, event)
    return {
        "auction_id": auction_id,
        "same": not different and all(kept == again for kept, again in compared.values()),
        "source": sa.make_url(where).render_as_string(hide_password=True),
        "orders": len(event.fills),
        "fills_different": len(different),
        "differences": different[:DIFFERENCES_SHOWN],
        **{name: {"kept": kept, "replayed": again} for name, (kept, again) in compared.items()},
    }


def _different_fills(record: "AuctionRecord", event: "AuctionCleared") -> list[dict[str, Any]]:
    kept = {fill.order_id: (fill.filled_wh, fill.paid_krw, fill.received_krw) for fill in record.fills.values()}
    again = {fill.order_id: (fill.filled_wh, fill.paid_krw, fill.received_krw) for fill in event.fills}
    return [
        {"order_id": order_id, "kept": _fill(kept.get(order_id)), "replayed": _fill(again.get(order_id))}
        for order_id in sorted(kept.keys() | again.keys())
        if kept.get(order_id) != again.get(order_id)
    ]


def _fill(fill: tuple[int, int, int] | None) -> dict[str, Any] | None:
    if fill is None:
        return None
    filled_wh, paid_krw, received_krw = fill
    return {"filled_kwh": kwh_text(filled_wh), "paid_krw": paid_krw, "received_krw": received_krw}


def _krw(price_jeon_per_kwh: int | None) -> str | None:
    return None if price_jeon_per_kwh is None else krw_text(price_jeon_per_kwh)
