"""The complexes' markets, as their files describe them."""

from collections.abc import Mapping
from dataclasses import replace
from math import floor

from optimizers.clearing.book import Feeder
from optimizers.legal.checks import law_of
from optimizers.orders.book_order import (
    DAY_AHEAD_BLOCKS_MAX,
    DAY_AHEAD_ORDERS_MAX,
    ORDERS_PER_AUCTION_MAX,
    Capacity,
    MarketSite,
    Venue,
)
from optimizers.orders.rules import OrderRules, own_rules
from shared.complex.model import Complex, Participant
from shared.db.order_writer import WRITERS
from shared.intervals import INTERVAL
from shared.reference.load import legal_modes
from shared.units import WH_PER_KWH, energy_kwh

Venues = Mapping[str, Venue]


def venue_of(one: Complex) -> Venue:
    """Return a complex's market: its file in Wh and jeon."""
    writers = len(one.participants) * len(WRITERS)
    return Venue(
        complex_id=one.complex_id,
        rules=own_rules(one.market),
        capacity=Capacity(
            open_orders_max=max(1, ORDERS_PER_AUCTION_MAX // writers),
            open_day_ahead_max=max(1, DAY_AHEAD_ORDERS_MAX // writers),
            open_blocks_max=max(1, DAY_AHEAD_BLOCKS_MAX // writers),
            writer_orders_max=ORDERS_PER_AUCTION_MAX // len(WRITERS),
            writer_day_ahead_max=DAY_AHEAD_ORDERS_MAX // len(WRITERS),
            writer_blocks_max=DAY_AHEAD_BLOCKS_MAX // len(WRITERS),
        ),
        sites={participant.participant_id: _site(participant) for participant in one.participants},
        feeders=tuple(
            Feeder(
                feeder_id=feeder.feeder_id,
                import_limit_wh=None if feeder.import_limit_kw is None else _interval_wh(feeder.import_limit_kw),
                export_limit_wh=None if feeder.export_limit_kw is None else _interval_wh(feeder.export_limit_kw),
                wheeling_fee_jeon_per_kwh=feeder.wheeling_fee_jeon_per_kwh,
            )
            for feeder in one.feeders
        ),
        law=law_of(one, legal_modes()),
    )


def with_rules(venue: Venue, rules: OrderRules | None) -> Venue:
    """Return a market under a version of its calendar; None: the complex file's own."""
    return venue if rules is None else replace(venue, rules=rules)


def _site(participant: Participant) -> MarketSite:
    deliver_kw = sum(site.capacity_kw_ac for site in participant.pv)
    deliver_kw += sum(ess.discharge_kw_max for ess in participant.ess)
    return MarketSite(
        feeder_id=participant.feeder_id,
        take_wh_max=_interval_wh(participant.contract.contract_kw),
        deliver_wh_max=_interval_wh(deliver_kw),
    )


def _interval_wh(limit_kw: float) -> int:
    """Return a power limit as energy of one interval, rounded down so that it is never exceeded."""
    return floor(energy_kwh(limit_kw, INTERVAL) * WH_PER_KWH)
