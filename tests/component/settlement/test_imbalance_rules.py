"""Settlement of a complex with rules of its own for imbalance and losses."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.settlement import handlers
from services.settlement.store.audit import ledger_sum_krw
from services.settlement.store.tables import LEDGER_LINE, SUPERSEDED_READING
from shared.complex.complexes import Complexes
from shared.complex.imbalance import ImbalanceRule
from shared.complex.model import Complex
from shared.db.engine import reading
from shared.errors import BadInputs
from shared.events.settlement import IntervalResettled, IntervalSettled, InvoiceIssued, StatementIssued
from shared.intervals import delivery_starts
from tests.component.harness import Bench
from tests.component.settlement.settlement_facts import (
    BUYER,
    COMPLEX,
    COMPLEX_ID,
    DELIVERY,
    FLOWS_WH,
    SELLER,
    a_bench,
    an_auction,
    readings,
)

# The buyer stands behind F2, the seller behind F1.
LOSSY = tuple(one.model_copy(update={"loss_fraction": Decimal("0.01")}) for one in COMPLEX.feeders)


@pytest.fixture
def bench_of(tmp_path: Path) -> Callable[[Complex], Bench]:
    return lambda complex_: a_bench(tmp_path, complex_)


def remade(**changes: object) -> Complex:
    """Return the demo complex with changes; a copy would keep what the original has worked out of itself."""
    return Complex.model_validate({**{name: getattr(COMPLEX, name) for name in Complex.model_fields}, **changes})


def a_rule(**facts: object) -> ImbalanceRule:
    return ImbalanceRule.model_validate({"from": date(2026, 5, 20), **facts})


def balances_krw(bench: Bench) -> dict[str, int]:
    columns = LEDGER_LINE.c
    sums = sa.select(columns.account, sa.func.sum(columns.debit_krw - columns.credit_krw)).group_by(columns.account)
    with reading(bench.engine) as db:
        return {account: int(krw) for account, krw in db.execute(sums)}


def test_imbalance_is_priced_around_the_auction_from_the_rules_day_on(bench_of: Callable[[Complex], Bench]) -> None:
    bench = bench_of(remade(imbalance=(a_rule(reference="auction", short_markup="0.2", long_markdown="0.1"),)))

    bench.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH))

    [settled] = bench.published(IntervalSettled)
    lines = {line.participant_id: line for line in settled.lines}
    # The auction's price is 111.50: 10 kWh short at 133.80, 5 kWh long at 100.35. The grid charges 133.40 and pays 100.
    assert (lines[BUYER].short_price_jeon_per_kwh, lines[BUYER].spread_krw) == (13_380, 1_338 - 1_334)
    assert (lines[SELLER].long_price_jeon_per_kwh, lines[SELLER].spread_krw) == (10_035, -502 + 500)
    assert balances_krw(bench) == {
        f"participant:{BUYER}": 2_260 + 1_338,
        f"participant:{SELLER}": -2_200 - 502,
        "operator:fees": -60,
        "operator:imbalance": -4 + 2,
        "grid": -1_334 + 500,
    }


def test_a_correction_keeps_the_prices_of_its_interval_though_the_rule_has_changed(
    bench_of: Callable[[Complex], Bench],
) -> None:
    bench = bench_of(remade(imbalance=(a_rule(short_markup="0.5"),)))
    bench.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH))
    bench.service = handlers.service(Complexes(COMPLEX))
    bench.restart()

    bench.give(*readings(DELIVERY, {**FLOWS_WH, f"{BUYER}.grid": (31_000, 0)}))

    [again] = bench.published(IntervalResettled)
    [line] = again.lines
    # 11 kWh at 200.10: 2,201, of which 1,467 are the grid's.
    assert (line.short_price_jeon_per_kwh, line.spread_krw, again.ledger_sum_krw) == (20_010, 2_201 - 1_467, 0)


def test_losses_and_spread_are_in_the_statement_and_in_the_invoice(bench_of: Callable[[Complex], Bench]) -> None:
    bench = bench_of(remade(imbalance=(a_rule(short_markup="0.5"),), feeders=LOSSY))
    for start in delivery_starts(date(2026, 5, 20)):
        flows_wh = FLOWS_WH if start == DELIVERY else {}
        bench.give(an_auction(start, traded_wh=20_000 if flows_wh else 0), *readings(start, flows_wh))

    statement = next(one for one in bench.published(StatementIssued) if one.participant_id == BUYER)
    # 1 % on either side of 20 kWh: 0.4 kWh at 133.40. 10 kWh at 200.10 are 2,001, of which 1,334 are the grid's.
    assert (statement.loss_wh, statement.loss_krw, statement.spread_krw) == (400, 53, 667)
    assert statement.cost_with_krw == 2_260 + 1_334 + 53 + 667
    invoice = next(one for one in bench.published(InvoiceIssued) if one.participant_id == BUYER)
    of_complex = {line.code: (line.quantity_wh, line.amount_krw) for line in invoice.lines}
    assert of_complex["losses"] == (400, 53)
    assert of_complex["imbalance_spread"] == (None, 667)
    assert {"losses_borne_by_buyer", "imbalance_by_rule"} <= {note.code for note in invoice.notes}
    assert sum(line.amount_krw for line in invoice.lines) == invoice.total_krw
    with reading(bench.engine) as db:
        assert ledger_sum_krw(db, COMPLEX_ID) == 0


def test_a_contract_that_the_tariff_does_not_know_is_named_before_anything_is_settled() -> None:
    first, *others = COMPLEX.participants
    unknown = first.model_copy(update={"contract": first.contract.model_copy(update={"option": "IV"})})

    with pytest.raises(BadInputs) as caught:
        handlers.service(Complexes(remade(participants=(unknown, *others))))

    assert str(caught.value) == ("changwon-demo: $.participants[0].contract.option must be one of I, II, III, was 'IV'")


def test_a_negative_meter_value_is_set_aside_and_named(bench_of: Callable[[Complex], Bench]) -> None:
    bench = bench_of(COMPLEX)
    bench.give(*readings(DELIVERY, FLOWS_WH))
    [good, *_] = bench.bus.messages("fems.readings.v1")
    body = good.body.replace(b'"import_wh":0', b'"import_wh":-1')
    assert body != good.body

    bench.bus.append(replace(good, body=body))
    bench.run()

    [letter] = bench.bus.messages("settlement.dead_letters.v1")
    assert b"import_wh" in letter.body
    assert b"greater than or equal to 0" in letter.body
    with reading(bench.engine) as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(SUPERSEDED_READING)) == 0
