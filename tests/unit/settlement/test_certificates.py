"""Each rule of the certificates by hand, and that none is lost or doubled whatever is traded."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from optimizers.certificates.allocation import CertificateSite, Supply, allocate
from optimizers.certificates.certification import (
    Batteries,
    CertifiableInterval,
    CertificateBooks,
    Certification,
    DeviceEnergy,
    MeteredSite,
    certify,
)
from optimizers.certificates.storage import (
    OPENING,
    Content,
    Draw,
    Lot,
    Storage,
    allowed,
    discharge,
    recharge,
    within,
)
from optimizers.settlement.interval import SettledTrade

NOON = datetime(2026, 5, 20, 3, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=6)
# Of 100 Wh charged 90 come back.
BATTERY = Storage(device_id="ess", efficiency_ppm=900_000, capacity_wh=1_000, opening_wh=0)


def a_trade(seller_id: str, buyer_id: str, quantity_wh: int, number: int = 1) -> SettledTrade:
    return SettledTrade(
        trade_id=f"t{number}",
        buyer_id=buyer_id,
        seller_id=seller_id,
        quantity_wh=quantity_wh,
        paid_krw=0,
        received_krw=0,
    )


def a_site(participant_id: str, *, solar_wh: int = 0, consumption_wh: int = 0, **charged_wh: int) -> CertificateSite:
    supplies = (Supply(device_id=f"{participant_id}-roof", quantity_wh=solar_wh),) if solar_wh else ()
    return CertificateSite(
        participant_id=participant_id, consumption_wh=consumption_wh, supplies=supplies, charged_wh=charged_wh
    )


def ends(sites: list[CertificateSite], *trades: SettledTrade) -> dict[tuple[str, str, str], int]:
    """Return Wh by device, account and purpose."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for share in allocate({one.participant_id: one for one in sites}, trades):
        sums[share.device_id, share.account_id, share.purpose] += share.quantity_wh
    return dict(sums)


def test_solar_is_claimed_by_the_roofs_own_factory_then_stored_then_withdrawn() -> None:
    # 100 made: 60 used, 30 charged, the last 10 went into the grid unsold.
    assert ends([a_site("a", solar_wh=100, consumption_wh=60, ess=30)]) == {
        ("a-roof", "a", "use"): 60,
        ("a-roof", "a", "storage"): 30,
        ("a-roof", "a", "export"): 10,
    }


def test_a_sale_takes_certificates_before_the_sellers_own_use() -> None:
    # 100 made and 70 sold, though the factory itself used 50: 30 are left for it.
    found = ends([a_site("a", solar_wh=100, consumption_wh=50), a_site("b", consumption_wh=90)], a_trade("a", "b", 70))

    assert found == {("a-roof", "b", "use"): 70, ("a-roof", "a", "use"): 30}


def test_a_buyer_that_did_not_use_what_it_bought_claims_only_what_it_used() -> None:
    found = ends([a_site("a", solar_wh=100), a_site("b", consumption_wh=40)], a_trade("a", "b", 70))

    assert found == {("a-roof", "b", "use"): 40, ("a-roof", "b", "export"): 30, ("a-roof", "a", "export"): 30}


def test_too_few_certificates_are_shared_among_the_trades_in_proportion() -> None:
    sites = [a_site("a", solar_wh=10), *(a_site(one, consumption_wh=99) for one in "bcd")]

    # 10 for 3 x 10 sold: 3.33 each; the odd one goes to the earliest trade.
    found = ends(sites, *(a_trade("a", buyer, 10, n) for n, buyer in enumerate("bcd")))

    assert found == {("a-roof", "b", "use"): 4, ("a-roof", "c", "use"): 3, ("a-roof", "d", "use"): 3}


def test_a_seller_without_sun_passes_nothing_on() -> None:
    assert ends([a_site("a"), a_site("b", consumption_wh=99)], a_trade("a", "b", 50)) == {}


def test_what_is_sold_on_goes_with_its_certificates() -> None:
    sites = [a_site("c", solar_wh=20), a_site("b", consumption_wh=5), a_site("a", consumption_wh=99)]

    # b bought 20 the day before and sold 15 of it on; the names' order does not matter.
    found = ends(sites, a_trade("b", "a", 15, 1), a_trade("c", "b", 20, 2))

    assert found == {("c-roof", "a", "use"): 15, ("c-roof", "b", "use"): 5}


def test_in_a_circle_of_trades_everyone_passes_on_once() -> None:
    sites = [a_site("a", solar_wh=10, consumption_wh=10), a_site("b")]

    # a sends 10 to b and b, which comes second, sends them back; they do not go round again for the other 990.
    found = ends(sites, a_trade("a", "b", 1_000, 1), a_trade("b", "a", 1_000, 2))

    assert found == {("a-roof", "a", "use"): 10}


NAMES = "abcde"


@given(
    solar_wh=st.lists(st.integers(0, 1_000), min_size=5, max_size=5),
    consumption_wh=st.lists(st.integers(0, 1_000), min_size=5, max_size=5),
    charged_wh=st.lists(st.integers(0, 300), min_size=5, max_size=5),
    trades=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 1_000)), max_size=12),
)
def test_no_certificate_is_lost_doubled_or_used_beyond_what_was_used(
    solar_wh: list[int], consumption_wh: list[int], charged_wh: list[int], trades: list[tuple[str, str, int]]
) -> None:
    sites = [
        a_site(name, solar_wh=made, consumption_wh=used, **{f"{name}-ess": charged})
        for name, made, used, charged in zip(NAMES, solar_wh, consumption_wh, charged_wh, strict=True)
    ]

    found = ends(sites, *(a_trade(*trade, number=n) for n, trade in enumerate(trades)))

    for site in sites:
        name = site.participant_id
        made_wh = sum(one.quantity_wh for one in site.supplies)
        assert sum(wh for (device, _, _), wh in found.items() if device == f"{name}-roof") == made_wh
        for purpose, most_wh in (("use", site.consumption_wh), ("storage", site.charged_wh[f"{name}-ess"])):
            assert sum(wh for (_, who, what), wh in found.items() if (who, what) == (name, purpose)) <= most_wh
    assert all(wh > 0 for wh in found.values())


def test_what_was_charged_first_leaves_first_the_grey_part_too() -> None:
    content = (Lot(OPENING, 0, 30), Lot(NOON, 40, 10))

    left, draws = discharge(content, (), 60, LATER)

    # 30 grey, then 30 of the 40 certified.
    assert draws == (Draw(OPENING, 0, 30), Draw(NOON, 30, 0))
    assert left == (Lot(NOON, 10, 10),)
    # Corrected to 45: the 15 that were taken last go back; to 100: all there is, and 20 come from nowhere.
    assert discharge(left, draws, 45, LATER) == ((Lot(NOON, 25, 10),), (Draw(OPENING, 0, 30), Draw(NOON, 15, 0)))
    assert discharge(left, draws, 100, LATER) == ((), (Draw(OPENING, 0, 30), Draw(NOON, 40, 10)))


def test_a_discharge_takes_nothing_that_was_charged_in_its_own_interval_or_later() -> None:
    assert discharge((Lot(NOON, 10, 0),), (), 10, NOON) == ((Lot(NOON, 10, 0),), ())


def test_a_battery_holds_no_more_than_its_capacity_and_loses_the_oldest() -> None:
    assert within((Lot(NOON, 10, 20), Lot(LATER, 30, 0)), 45) == (Lot(NOON, 0, 15), Lot(LATER, 30, 0))


def test_of_a_lot_that_shrank_the_latest_discharge_gives_up_first() -> None:
    first, second, third = (NOON + timedelta(hours=n) for n in (1, 2, 3))
    taken = {start: Draw(NOON, 20, 10) for start in (first, second, third)}

    # 60 were certified of what is now certified for 25: 35 too many, whose energy turns grey.
    assert allowed(Lot(NOON, 25, 65), taken) == {third: Draw(NOON, 0, 30), second: Draw(NOON, 5, 25)}
    # 90 were taken of 50, all of it certified: 40 never were there.
    assert allowed(Lot(NOON, 50, 0), taken) == {third: Draw(NOON, 0, 0), second: Draw(NOON, 20, 0)}
    assert allowed(Lot(NOON, 60, 30), taken) == {}


def test_a_charge_that_was_corrected_keeps_what_has_left_of_it_gone() -> None:
    # 40 certified and 50 grey were made, 40 certified and 10 grey have left.
    content = (Lot(NOON, 0, 40),)

    # 20 less were made, all of it grey; or as much, but 30 certified less.
    assert recharge(content, Lot(NOON, 40, 50), Lot(NOON, 40, 30)) == (Lot(NOON, 0, 20),)
    assert recharge(content, Lot(NOON, 40, 50), Lot(NOON, 10, 80)) == (Lot(NOON, 0, 40),)
    # 10 certified more, in the place of grey.
    assert recharge(content, Lot(NOON, 40, 50), Lot(NOON, 50, 40)) == (Lot(NOON, 10, 30),)
    # Less than what has left.
    assert recharge(content, Lot(NOON, 40, 50), Lot(NOON, 0, 30)) == ()


def a_metered(solar_wh: int = 0, charged_wh: int = 0, discharged_wh: int = 0, *, load_wh: int = 0) -> MeteredSite:
    net_wh = load_wh + charged_wh - discharged_wh - solar_wh
    return MeteredSite(
        participant_id="a",
        import_wh=max(net_wh, 0),
        export_wh=max(-net_wh, 0),
        roofs=(DeviceEnergy(device_id="roof", import_wh=0, export_wh=solar_wh, is_measured=True),),
        batteries=(DeviceEnergy(device_id="ess", import_wh=charged_wh, export_wh=discharged_wh, is_measured=True),),
    )


def certified(
    site: MeteredSite, *, start: datetime = NOON, content: Content | None = None, before: CertificateBooks | None = None
) -> Certification:
    contents = {} if content is None else {"ess": content}
    return certify(
        CertifiableInterval(delivery_start=start, sites=[site], trades=[]),
        Batteries(storages={"ess": BATTERY}, contents=contents),
        before or CertificateBooks(),
    )


def test_through_a_battery_no_more_comes_out_than_its_efficiency_lets() -> None:
    charging = certified(a_metered(solar_wh=100, charged_wh=120))

    # 100 of the 120 charged are certified: 90 come back certified and 18 grey.
    assert charging.contents["ess"] == (Lot(NOON, 90, 18),)
    line = charging.changed.lines["a"]
    assert (line.issued_wh, line.stored_wh, line.consumption_wh, line.market_wh) == (100, 100, 0, 20)

    giving = certified(a_metered(discharged_wh=95, load_wh=200), start=LATER, content=charging.contents["ess"])

    [bundle] = giving.bundles
    assert (bundle.device_id, bundle.charged_at, bundle.range_start, bundle.range_end) == ("ess", NOON, 1, 90)
    assert giving.contents["ess"] == (Lot(NOON, 0, 13),)
    line = giving.changed.lines["a"]
    # 200 used, 90 with a certificate; of the rest 5 were counted when they were charged, 105 are the grid's.
    assert (line.reissued_wh, line.claimed_wh, line.market_wh, line.location_wh) == (90, 90, 105, 105)


def test_an_estimated_reading_issues_nothing_but_is_consumption() -> None:
    guessed = DeviceEnergy(device_id="roof", import_wh=0, export_wh=50, is_measured=False)
    site = MeteredSite(participant_id="a", import_wh=10, export_wh=0, roofs=(guessed,))

    found = certified(site)

    assert found.bundles == ()
    line = found.changed.lines["a"]
    assert (line.consumption_wh, line.claimed_wh, line.market_wh, line.location_wh) == (60, 0, 60, 10)


def test_a_correction_issues_or_withdraws_the_difference_and_no_number_twice() -> None:
    first = certified(a_metered(solar_wh=100, load_wh=500))
    lower = certified(a_metered(solar_wh=80, load_wh=500), before=first.changed)
    higher = certified(a_metered(solar_wh=110, load_wh=500), before=lower.changed)

    def parts(found: Certification) -> list[tuple[int, int, str]]:
        return [(one.range_start, one.range_end, one.purpose) for one in found.changed.slices["roof"]]

    assert (parts(first), lower.bundles) == ([(1, 100, "use")], ())
    assert parts(lower) == [(1, 80, "use"), (81, 100, "correction")]
    # 30 more than the 80 that count: 101 to 130, as 81 to 100 never count again.
    assert [(one.range_start, one.range_end) for one in higher.bundles] == [(101, 130)]
    assert parts(higher) == [(1, 80, "use"), (81, 100, "correction"), (101, 130, "use")]


def test_the_same_facts_again_change_nothing() -> None:
    first = certified(a_metered(solar_wh=100, charged_wh=40, load_wh=30))

    again = certified(
        a_metered(solar_wh=100, charged_wh=40, load_wh=30), content=first.contents["ess"], before=first.changed
    )

    assert again.is_empty
    assert again.contents == first.contents
