"""Write the demo's May of 2026 for one factory as a PDF: settled interval by interval, then invoiced.

Run: .venv/bin/python -m benchmarks.invoice_month [--participant hanbit-machining] [--pdf invoice.pdf]

Synthetic: loads and sun are what the demo's simulated meters would show, with the batteries idle; the orders are those
that the scheduler would write if it had foreseen each interval, and clear as the market would clear them.
"""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from optimizers.clearing.auction import clear
from optimizers.clearing.book import Feeder, Order
from optimizers.clearing.pairing import pair_trades
from optimizers.orders.bids import SiteQuote, automatic_bid
from optimizers.orders.rules import BEGINNING, own_rules
from optimizers.settlement.interval import MeteredEnergy, Prices, SettledTrade, settle_interval
from optimizers.settlement.invoices import Month, invoice_of
from optimizers.tariff.contract import contract_of
from optimizers.tariff.site import SitePrices, site_prices
from services.fems.simulator.history import SimulatedHistory, history
from services.market.handlers.venues import venue_of
from services.settlement.handlers.invoicing import content_of
from services.trading_api.billing.invoice_pdf import invoice_pdf
from services.trading_api.billing.invoices import invoice_view
from shared.complex.model import Complex, load_complex
from shared.events.records import SettledLine
from shared.intervals import INTERVAL, month_bounds
from shared.paths import DEMO_COMPLEX
from shared.reference.load import sell_back, tariff_book

MONTH = "2026-05"
ISSUED_AT = datetime(2026, 6, 1, 0, 16, tzinfo=UTC)


def trades_of(
    complex_: Complex, feeders: tuple[Feeder, ...], net_wh: Mapping[str, int], quotes: Mapping[str, SiteQuote]
) -> list[SettledTrade]:
    """Clear one interval among the automatic bidders."""
    orders = []
    for number, one in enumerate(complex_.participants):
        name = one.participant_id
        bid = automatic_bid(
            one.bidding,
            BEGINNING,
            net_wh[name] / 250,  # 15 minutes: kW x 250 = Wh
            quotes[name],
            own_rules(complex_.market),
        )
        if bid is not None and one.bidding.mode == "automatic":
            orders.append(
                Order(
                    order_id=name,
                    participant_id=name,
                    side="buy" if bid.side == "buy" else "sell",
                    price_jeon_per_kwh=bid.price_jeon_per_kwh,
                    quantity_wh=bid.quantity_wh,
                    sequence=number,
                    feeder_id=one.feeder_id,
                )
            )
    if not orders:
        return []
    pairs = pair_trades(orders, clear(orders, feeders))
    return [
        SettledTrade(
            trade_id=f"{pair.buy_order_id}:{pair.sell_order_id}",
            buyer_id=pair.buyer_id,
            seller_id=pair.seller_id,
            quantity_wh=pair.quantity_wh,
            paid_krw=pair.paid_krw,
            received_krw=pair.received_krw,
        )
        for pair in pairs
    ]


def settled_month(
    complex_: Complex, name: str, past: SimulatedHistory, starts: list[datetime]
) -> dict[datetime, SettledLine]:
    """Settle every interval and return one participant's lines."""
    feeders = venue_of(complex_).feeders
    prices: dict[str, SitePrices] = {
        one.participant_id: site_prices(tariff_book(), sell_back(complex_.sell_back), one.contract, starts)
        for one in complex_.participants
    }
    settled = {}
    for n, start in enumerate(starts):
        flows = {one.participant_id: past.meters[one.grid_meter_id] for one in complex_.participants}
        metered = {
            who: MeteredEnergy(import_wh=int(flow[0][n]), export_wh=int(flow[1][n]), ess_import_wh=0, ess_export_wh=0)
            for who, flow in flows.items()
        }
        priced = {
            who: Prices(
                import_jeon_per_kwh=int(site.import_jeon_per_kwh[n]),
                export_jeon_per_kwh=int(site.export_jeon_per_kwh[n]),
            )
            for who, site in prices.items()
        }
        net_wh = {who: one.import_wh - one.export_wh for who, one in metered.items()}
        quotes = {
            who: SiteQuote(import_jeon=one.import_jeon_per_kwh, export_jeon=one.export_jeon_per_kwh)
            for who, one in priced.items()
        }
        trades = trades_of(complex_, feeders, net_wh, quotes)
        lines = settle_interval(start, metered=metered, prices=priced, trades=trades).lines
        settled[start] = next(line for line in lines if line.participant_id == name)
    return settled


def main() -> None:
    """Make the PDF and print the invoice's figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--participant", default="hanbit-machining")
    asked.add_argument("--pdf", type=Path, help="where to write it; default: nowhere")
    arguments = asked.parse_args()
    name = arguments.participant
    complex_ = load_complex(DEMO_COMPLEX)
    participant = complex_.by_participant[name]
    first, end = month_bounds(MONTH)
    starts = [first + n * INTERVAL for n in range((end - first) // INTERVAL)]
    past = history(complex_, first, len(starts))
    begun = perf_counter()
    settled = settled_month(complex_, name, past, starts)
    settled_s = perf_counter() - begun
    behind_wh = {
        start: sum(int(past.meters[site.site_id][1][n]) for site in participant.pv) for n, start in enumerate(starts)
    }
    begun = perf_counter()
    month = Month(month=MONTH, settled=settled, behind_wh=behind_wh)
    invoice = invoice_of(tariff_book(), contract_of(participant.contract), month)
    invoiced_s = perf_counter() - begun
    row = {
        "invoice_id": f"{MONTH}:{name}",
        "participant_id": name,
        "month": MONTH,
        "revision": 0,
        "issued_at": ISSUED_AT,
        "content": content_of(invoice),
    }
    begun = perf_counter()
    document = invoice_pdf([invoice_view(row)], complex_)
    drawn_s = perf_counter() - begun
    if arguments.pdf:
        arguments.pdf.write_bytes(document)
    figures = {
        "total_krw": invoice.total_krw,
        "baseline_krw": invoice.baseline_krw,
        "saving_krw": invoice.saving_krw,
        "settle the month, all participants, s": round(settled_s, 2),
        "invoice, two bills, s": round(invoiced_s, 3),
        "pdf, s": round(drawn_s, 2),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
