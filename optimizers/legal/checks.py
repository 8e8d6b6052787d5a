"""The rules of a legal mode, asked of an order before it is in a book, and of what was traded and metered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from shared.complex.model import Complex
from shared.events.records import Side
from shared.reference.legal import LegalMode, LegalModes, LegalRule
from shared.units import kwh_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """What a law asks of a participant: feeder, contract power, its roofs' power [kW], and whether it has a battery."""

    feeder_id: str
    contract_kw: float
    roof_kw: float
    has_storage: bool


@dataclass(frozen=True, slots=True)
class Law:
    """A complex's legal mode, and its participants by id."""

    mode: LegalMode
    traders: Mapping[str, Trader]


def law_of(complex_: Complex, modes: LegalModes) -> Law:
    """Return the law that a complex says it trades under."""
    traders = {
        participant.participant_id: Trader(
            feeder_id=participant.feeder_id,
            contract_kw=participant.contract.contract_kw,
            roof_kw=sum(site.capacity_kw_ac for site in participant.pv),
            has_storage=bool(participant.ess),
        )
        for participant in complex_.participants
    }
    return Law(modes.modes[complex_.legal_mode], traders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """A participant's energy over a period.

    Args:
        consumed_wh: What its factory used, whoever supplied it.
        made_wh: What its roofs made.
        grid_import_wh: What the grid supplied: interval by interval, what it drew beyond its trades.
        grid_export_wh: What it sold to the grid: interval by interval, what was left over beyond its trades.
    """

    consumed_wh: int
    made_wh: int
    grid_import_wh: int
    grid_export_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What one participant sold to another over a period."""

    seller_id: str
    buyer_id: str
    quantity_wh: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that was asked, whether it holds, of whom it was asked, and the answer as a sentence.

    `subject` is a participant, `seller -> buyer`, or "" for the complex as a whole.
    """

    rule: LegalRule
    holds: bool
    subject: str
    en: str
    ko: str


def refusal(law: Law, participant_id: str, side: Side, day: date) -> Verdict | None:
    """Return the first rule that keeps a participant from buying or selling on a local day, if any."""
    trader = law.traders[participant_id]
    broken = (rule for rule in law.mode.rules_on(day) if not _may(rule, trader, side))
    return next((_verdict(rule, participant_id, holds=False) for rule in broken), None)


def check_period(law: Law, day: date, flows: Mapping[str, Flows], deals: Sequence[Deal]) -> list[Verdict]:
    """Ask every rule in force on a local day of a period's trades and energy.

    A rule about participants or trades gives a verdict for each that breaks it, or one that it holds.
    """
    verdicts = []
    for rule in law.mode.rules_on(day):
        broken = list(_broken(rule, law, flows, deals))
        verdicts += broken or [_of_complex(rule, flows.values())]
    return verdicts


def _broken(rule: LegalRule, law: Law, flows: Mapping[str, Flows], deals: Sequence[Deal]) -> Iterator[Verdict]:
    if rule.code == "prosumer_grid_sale_ratio_max":
        for participant_id, one in flows.items():
            verdict = _at_most(rule, participant_id, one.grid_export_wh, one.made_wh)
            if not verdict.holds:
                yield verdict
        return
    for deal in deals:
        buyer, seller = law.traders[deal.buyer_id], law.traders[deal.seller_id]
        apart = rule.code == "within_feeder" and buyer.feeder_id != seller.feeder_id
        if apart or not _may(rule, buyer, Side.BUY) or not _may(rule, seller, Side.SELL):
            sold = f"{kwh_text(deal.quantity_wh)} kWh"
            yield _verdict(rule, f"{deal.seller_id} -> {deal.buyer_id}", holds=False, found=(sold, sold))


def _may(rule: LegalRule, trader: Trader, side: Side) -> bool:
    """Say whether a rule lets a participant buy or sell at all."""
    match rule.code:
        case "seller_has_roof":
            return side is Side.BUY or trader.roof_kw > 0
        case "seller_has_roof_or_storage":
            return side is Side.BUY or trader.roof_kw > 0 or trader.has_storage
        case "customer_contract_kw_min":
            return side is Side.SELL or trader.contract_kw >= _figure(rule)
        case "generator_kw_above":
            return side is Side.BUY or trader.roof_kw > _figure(rule)
        case _:
            return True


def _of_complex(rule: LegalRule, flows: Iterable[Flows]) -> Verdict:
    together = list(flows)
    if rule.code == "own_supply_ratio_min":
        used_wh = sum(part.consumed_wh for part in together)
        own_wh = used_wh - sum(part.grid_import_wh for part in together)
        return _verdict(rule, "", holds=own_wh >= _figure(rule) * used_wh, found=_percent(own_wh, used_wh))
    if rule.code in {"grid_sale_ratio_max", "prosumer_grid_sale_ratio_max"}:
        sold_wh = sum(part.grid_export_wh for part in together)
        return _at_most(rule, "", sold_wh, sum(part.made_wh for part in together))
    return _verdict(rule, "", holds=True)


def _at_most(rule: LegalRule, subject: str, sold_wh: int, made_wh: int) -> Verdict:
    return _verdict(rule, subject, holds=sold_wh <= _figure(rule) * made_wh, found=_percent(sold_wh, made_wh))


def _figure(rule: LegalRule) -> Fraction:
    assert rule.figure is not None  # noqa: S101 -- held since the rule was read; narrows the type
    return Fraction(rule.figure)


def _percent(part_wh: int, whole_wh: int) -> tuple[str, str]:
    """Say in English and Korean what part of a whole was found."""
    if whole_wh:
        return (f"{part_wh / whole_wh:.2%}",) * 2
    sold = f"{kwh_text(part_wh)} kWh"
    return f"{sold} of nothing", f"0 kWh 중 {sold}"


def _verdict(rule: LegalRule, subject: str, *, holds: bool, found: tuple[str, str] | None = None) -> Verdict:
    en, ko = rule.text.en, rule.text.ko
    if rule.draft:
        en, ko = f"{en} (draft: the figure in force may differ)", f"{ko} (고시안: 확정값과 다를 수 있음)"
    if found is not None:
        en, ko = f"{en}: {found[0]}", f"{ko}: {found[1]}"
    of = f"{subject}: " if subject else ""
    return Verdict(rule, holds, subject, f"{of}{en}", f"{of}{ko}")
