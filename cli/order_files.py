"""The files of `sandan clear`: orders and feeders from CSV, with every broken rule named by row and field."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cli.csv_table import CsvTable, read_table
from cli.decimal_columns import DecimalRule, scaled_column
from optimizers.clearing.book import PRICE_JEON_PER_KWH_MAX, QUANTITY_WH_MAX, Book, Feeder, Order
from shared.units import JEON_PER_KRW, WH_PER_KWH

PRICE = DecimalRule(
    decimals=2,
    least=-PRICE_JEON_PER_KWH_MAX,
    most=PRICE_JEON_PER_KWH_MAX,
    range_rule=f"must be within ±{PRICE_JEON_PER_KWH_MAX // JEON_PER_KRW} KRW/kWh",
)
QUANTITY = DecimalRule(
    decimals=3,
    least=1,
    most=QUANTITY_WH_MAX,
    range_rule=f"must be > 0 and <= {QUANTITY_WH_MAX // WH_PER_KWH} kWh",
)
FEE = DecimalRule(
    decimals=2,
    least=0,
    most=PRICE_JEON_PER_KWH_MAX,
    range_rule=f"must be >= 0 and <= {PRICE_JEON_PER_KWH_MAX // JEON_PER_KRW} KRW/kWh",
)
# A limit may exceed what one order may ask for: it is the sum of many.
LIMIT = DecimalRule(decimals=3, least=0, most=10**21, range_rule="must be >= 0 and <= 10^18 kWh, or blank for no limit")

# Order ids are written into --fills, which people open in spreadsheets.
_NO_FORMULA = "must be one line that does not begin with =, +, - or @, unless it is a number"
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
ORDER_COLUMNS = ("order_id", "participant", "side", "price_krw_per_kwh", "quantity_kwh")
FEEDER_COLUMNS = ("feeder", "import_limit_kwh", "export_limit_kwh", "wheeling_fee_krw_per_kwh")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """The orders of a file: the book, and the names that the calculation does not need."""

    order_ids: Sequence[str]
    participants: Sequence[str]
    feeder_ids: Sequence[str | None]
    book: Book

    def orders(self) -> list[Order]:
        """Return the same as orders, for the certificate."""
        columns = (self.order_ids, self.participants, self.feeder_ids)
        numbers = (self.book.is_buy, self.book.price_jeon_per_kwh, self.book.quantity_wh)
        rows = zip(*columns, *(column.tolist() for column in numbers), strict=True)
        return [
            Order(
                order_id=order_id,
                participant_id=participant,
                side="buy" if is_buy else "sell",
                price_jeon_per_kwh=price,
                quantity_wh=quantity_wh,
                sequence=sequence,
                feeder_id=feeder_id,
            )
            for sequence, (order_id, participant, feeder_id, is_buy, price, quantity_wh) in enumerate(rows, start=1)
        ]


def read_orders(path: Path, feeders: Sequence[Feeder] | None) -> OrderFile:
    """Read ORDERS.csv; without feeders its feeder column is not looked at, and a blank feeder is the hub.

    Raises:
        BadInputs: Broken rules, the first twenty by row.
    """
    table = read_table(path, *((ORDER_COLUMNS, ("feeder",)) if feeders is None else ((*ORDER_COLUMNS, "feeder"), ())))
    order_ids, participants, sides = (table.columns[name] for name in ORDER_COLUMNS[:3])
    price, price_problems = scaled_column(table.columns["price_krw_per_kwh"], PRICE)
    quantity_wh, quantity_problems = scaled_column(table.columns["quantity_kwh"], QUANTITY)
    table.refuse("price_krw_per_kwh", price_problems)
    table.refuse("quantity_kwh", quantity_problems)
    table.refuse_blank("participant")
    table.refuse_blank("order_id")
    table.refuse_repeated("order_id")
    table.refuse("order_id", ((row, _NO_FORMULA) for row, text in enumerate(order_ids) if _is_formula(text)))
    table.refuse(
        "side", ((row, "must be buy or sell") for row, side in enumerate(sides) if side not in {"buy", "sell"})
    )
    node_of = {"": 0} | {feeder.feeder_id: node for node, feeder in enumerate(feeders or (), start=1)}
    names: Sequence[str] = [""] * len(order_ids)
    if feeders is not None:
        names = table.columns["feeder"]
        rule = "must be a feeder of the feeder file, or blank"
        table.refuse("feeder", ((row, rule) for row, name in enumerate(names) if name not in node_of))
    table.close()
    return OrderFile(
        order_ids=order_ids,
        participants=participants,
        feeder_ids=[name or None for name in names],
        book=Book(
            is_buy=np.array([side == "buy" for side in sides], dtype=np.bool_),
            price_jeon_per_kwh=price,
            quantity_wh=quantity_wh,
            node=np.array([node_of[name] for name in names], dtype=np.int64),
        ),
    )


def read_feeders(path: Path) -> list[Feeder]:
    """Read FEEDERS.csv; a blank limit is no limit.

    Raises:
        BadInputs: Broken rules, the first twenty by row.
    """
    table = read_table(path, FEEDER_COLUMNS)
    table.refuse_blank("feeder")
    table.refuse_repeated("feeder")
    imports, exports, fees = (
        list(_numbers(table, name, rule)) for name, rule in zip(FEEDER_COLUMNS[1:], (LIMIT, LIMIT, FEE), strict=True)
    )
    table.close()
    return [
        Feeder(
            feeder_id=feeder_id,
            import_limit_wh=import_limit_wh,
            export_limit_wh=export_limit_wh,
            wheeling_fee_jeon_per_kwh=fee or 0,
        )
        for feeder_id, import_limit_wh, export_limit_wh, fee in zip(
            table.columns["feeder"], imports, exports, fees, strict=True
        )
    ]


def _is_formula(text: str) -> bool:
    """Say whether a spreadsheet would compute a text, or break its line; a number it only reads."""
    return not text.isprintable() or (text.startswith(("=", "+", "-", "@")) and not _PLAIN_NUMBER.fullmatch(text))


def _numbers(table: CsvTable, field: str, rule: DecimalRule) -> Iterator[int | None]:
    """Read a column in which a blank stands for None where the rule is that of limits."""
    for position, text in enumerate(table.columns[field]):
        if rule is LIMIT and not text.strip():
            yield None
            continue
        try:
            yield rule.parse(text)
        except ValueError as broken:
            table.refuse(field, [(position, str(broken))])
            yield None
