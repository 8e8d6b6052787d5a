"""The certificate: the same bytes for the same auction, other bytes for any other."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from optimizers.clearing.auction import clear
from optimizers.clearing.book import Feeder, Order
from optimizers.clearing.certificate import certificate, order_book_sha256
from optimizers.clearing.check import WrongAnswer
from tests.unit.clearing.books import FEEDER_IDS, arriving, books, buy, feeder, feeders, sell


@settings(deadline=None)
@given(books(places=(None, *FEEDER_IDS)), feeders())
def test_certificate_is_json_and_does_not_depend_on_row_order(orders: list[Order], network: list[Feeder]) -> None:
    by_arrival, reversed_network = sorted(orders, key=lambda order: order.sequence), network[::-1]

    proof = certificate(orders, network, clear(orders, network))

    assert json.loads(json.dumps(proof)) == proof
    assert certificate(by_arrival, reversed_network, clear(by_arrival, reversed_network)) == proof


def test_book_hash_is_that_of_the_canonical_lines() -> None:
    orders = [replace(buy(-5, 7, at="F1", order_id="주문"), sequence=3)]

    lines = '["feeder","F1",9,null,2]\n["order",3,"주문","somebody","buy",-5,7,"F1"]\n'

    network = [Feeder(feeder_id="F1", import_limit_wh=9, export_limit_wh=None, wheeling_fee_jeon_per_kwh=2)]
    assert order_book_sha256(orders, network) == hashlib.sha256(lines.encode()).hexdigest()


def test_any_change_of_an_order_changes_the_hash() -> None:
    one = buy(5, 7)
    changed = [
        replace(one, price_jeon_per_kwh=6),
        replace(one, quantity_wh=8),
        replace(one, sequence=9),
        replace(one, feeder_id="F1"),
        replace(one, order_id="other"),
        replace(one, participant_id="other"),
        replace(one, side="sell"),
    ]

    hashes = {order_book_sha256([order], []) for order in [one, *changed]}

    assert len(hashes) == 1 + len(changed)


def test_certificate_names_binding_limits() -> None:
    orders, network = arriving(buy(200, 9, at="F1"), sell(100, 9)), [feeder("F1", limit_wh=6)]

    proof = certificate(orders, network, clear(orders, network))

    assert proof["binding_limits"] == [{"feeder_id": "F1", "limit": "import"}]
    assert (proof["volume_wh"], proof["welfare_jeon_wh"]) == (6, 600)


def test_binding_limits_come_by_feeder_whatever_the_order_of_feeders() -> None:
    orders = arriving(buy(200, 9, at="F1"), buy(200, 9, at="F2"), sell(100, 20))
    network = [feeder("F2", limit_wh=6), feeder("F1", limit_wh=6)]

    proof = certificate(orders, network, clear(orders, network))

    limits = [{"feeder_id": "F1", "limit": "import"}, {"feeder_id": "F2", "limit": "import"}]
    assert proof["binding_limits"] == limits


def test_answer_to_another_book_is_not_certified() -> None:
    orders = arriving(buy(200, 9), sell(100, 9))
    other = [orders[0], replace(orders[1], price_jeon_per_kwh=201)]

    with pytest.raises(WrongAnswer):
        certificate(other, [], clear(orders))
