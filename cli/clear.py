"""`sandan clear`: one call auction from files to files."""

import csv
import json
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exact_json import exact_json
from cli.output import Pretty, refuse_taken, writing
from shared.units import JEON_PER_KRW, JEON_WH_PER_KRW, WH_PER_KWH, kwh_text

if TYPE_CHECKING:
    # numpy is loaded when the verb runs, so that the other verbs start fast.
    from optimizers.clearing.book import Allocation


def clear(
    orders: Annotated[Path, typer.Argument(help="Orders, in arrival order. / 접수 순서의 주문 파일.")],
    feeders: Annotated[Path | None, typer.Option(help="Feeders: limits and fees. / 피더별 한도와 이용료.")] = None,
    fills: Annotated[Path | None, typer.Option(help="Write each order's fill here. / 체결 결과 파일.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="Write the proof here. / 증명서 파일.")] = None,
    pretty: Pretty = False,
) -> None:
    """Clear one call auction. / 동시호가 경매를 한 번 청산합니다.

    ORDERS.csv has order_id,participant,side,price_krw_per_kwh,quantity_kwh[,feeder]; side is buy or sell, a price has
    at most 2 decimals, a quantity 3; the order of the rows is the time priority. / ORDERS.csv의 열은
    order_id,participant,side,price_krw_per_kwh,quantity_kwh[,feeder]이고, side는 buy 또는 sell, 가격은 소수 2자리,
    수량은 3자리까지이며, 행의 순서가 시간 우선순위입니다.

    FEEDERS.csv has feeder,import_limit_kwh,export_limit_kwh,wheeling_fee_krw_per_kwh; the orders then need their
    feeder. / FEEDERS.csv의 열은 feeder,import_limit_kwh,export_limit_kwh,wheeling_fee_krw_per_kwh이며, 이때 주문에
    feeder 열이 있어야 합니다.

    --fills writes order_id,filled_kwh,payment_krw, buyers positive, in the order of the input. / --fills 파일의 열은
    order_id,filled_kwh,payment_krw이고, 구매자는 양수, 순서는 입력과 같습니다.

    Example: sandan clear examples/orders.csv --feeders examples/feeders.csv --fills fills.csv
    """
    from cli.order_files import read_feeders, read_orders
    from optimizers.clearing import auction
    from optimizers.clearing import certificate as certificates
    from optimizers.clearing.auction import clear_book

    refuse_taken((orders, feeders), {"--fills": fills, "--certificate": certificate})
    known_feeders = None if feeders is None else read_feeders(feeders)
    book = read_orders(orders, known_feeders)
    started_s = time.perf_counter()
    allocation = clear_book(book.book, known_feeders or ())
    seconds = time.perf_counter() - started_s
    with writing(fills, certificate) as drafts:
        if fills is not None:
            _write_fills(drafts[fills], book.order_ids, allocation)
        if certificate is not None:
            asked = book.orders()
            proof = certificates.certificate(asked, known_feeders or (), auction.clear(asked, known_feeders or ()))
            drafts[certificate].write_text(json.dumps(proof, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    answer = _answer(allocation, orders=len(book.order_ids), seconds=seconds)
    sys.stdout.write(exact_json(answer, indent=2 if pretty else None) + "\n")


def _write_fills(path: Path, order_ids: Sequence[str], allocation: "Allocation") -> None:
    filled = map(kwh_text, allocation.filled_wh.tolist())
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("order_id", "filled_kwh", "payment_krw"))
        writer.writerows(zip(order_ids, filled, allocation.payment_krw.tolist(), strict=True))


def _answer(allocation: "Allocation", *, orders: int, seconds: float) -> dict[str, object]:
    return {
        "price_krw_per_kwh": _krw_per_kwh(allocation.price_jeon_per_kwh),
        "price_low_krw_per_kwh": _krw_per_kwh(allocation.price_low_jeon_per_kwh),
        "price_high_krw_per_kwh": _krw_per_kwh(allocation.price_high_jeon_per_kwh),
        "volume_kwh": _scaled(allocation.volume_wh, WH_PER_KWH),
        "welfare_krw": _scaled(allocation.welfare_jeon_wh, JEON_WH_PER_KRW),
        "fees_krw": allocation.fees_krw,
        "wheeling_krw": allocation.wheeling_krw,
        "orders": orders,
        "feeders": {
            result.feeder_id: {
                "price_krw_per_kwh": _krw_per_kwh(result.price_jeon_per_kwh),
                "net_import_kwh": _scaled(result.import_wh - result.export_wh, WH_PER_KWH),
                "binding": result.binding is not None,
            }
            for result in allocation.feeders
        },
        "seconds": round(seconds, 6),
    }


def _krw_per_kwh(price_jeon_per_kwh: int | None) -> Decimal | None:
    return None if price_jeon_per_kwh is None else _scaled(price_jeon_per_kwh, JEON_PER_KRW)


def _scaled(number: int, units: int) -> Decimal:
    """Return number / units for a power of ten, every digit kept."""
    sign, digits, _ = Decimal(number).as_tuple()
    return Decimal((sign, digits, 1 - len(str(units))))
