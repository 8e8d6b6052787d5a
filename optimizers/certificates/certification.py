"""Certify an interval: issue what was measured, let it go with the trades, say what became of it; again by difference.

An estimated reading issues nothing and charges nothing certified, as nobody measured it; as consumption it counts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optimizers.certificates.allocation import CertificateSite, Share, Supply, allocate
from optimizers.certificates.ranges import Bundle, numbered
from optimizers.certificates.storage import (
    Content,
    Draw,
    Lot,
    Storage,
    StorageRecord,
    deliverable,
    discharge,
    limited,
    recharge,
    within,
)
from optimizers.settlement.interval import SettledTrade
from shared.events.records import CertificateLine, CertificateSlice

# What an interval's discharge may keep of lots that shrank, by battery and the lot's interval of charging.
Limits = Mapping[str, Mapping[datetime, Draw]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEnergy:
    """A roof's or battery's interval at its own meter."""

    device_id: str
    import_wh: int
    export_wh: int
    is_measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredSite:
    """A participant's interval at all of its meters."""

    participant_id: str
    import_wh: int
    export_wh: int
    roofs: tuple[DeviceEnergy, ...] = ()
    batteries: tuple[DeviceEnergy, ...] = ()

    @property
    def consumption_wh(self) -> int:
        """Return what the load took; meters are read one by one, so that a Wh more may seem to leave than was there."""
        behind_wh = sum(device.export_wh - device.import_wh for device in (*self.roofs, *self.batteries))
        return max(0, self.import_wh - self.export_wh + behind_wh)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateBooks:
    """What is in the books of an interval: numbers by device, records by battery, lines by participant."""

    slices: Mapping[str, tuple[CertificateSlice, ...]] = field(default_factory=dict)
    records: Mapping[str, StorageRecord] = field(default_factory=dict)
    lines: Mapping[str, CertificateLine] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certification:
    """What a certification adds to the books: only what it changes.

    Attributes:
        bundles: Newly issued.
        changed: Numbers of devices, records and lines as they are now.
        contents: Of the batteries that it touched.
        lots: What each touched battery can give back of the interval's charging, all that was ever taken included.
    """

    bundles: tuple[Bundle, ...]
    changed: CertificateBooks
    contents: Mapping[str, Content]
    lots: Mapping[str, Lot]

    @property
    def is_empty(self) -> bool:
        """Say whether it changes nothing."""
        return not (self.changed.slices or self.changed.records or self.changed.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiableInterval:
    """An interval's facts."""

    delivery_start: datetime
    sites: Sequence[MeteredSite]
    trades: Sequence[SettledTrade]

    @property
    def moved(self) -> frozenset[str]:
        """Return the batteries that charged or discharged."""
        batteries = (battery for site in self.sites for battery in site.batteries)
        return frozenset(battery.device_id for battery in batteries if battery.import_wh or battery.export_wh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batteries:
    """The batteries of the interval, and what is in them; one that is new to the books has its opening content."""

    storages: Mapping[str, Storage]
    contents: Mapping[str, Content]

    def content(self, device_id: str) -> Content:
        """Return what is in a battery."""
        known = self.contents.get(device_id)
        return self.storages[device_id].opening if known is None else known


def certify(
    interval: CertifiableInterval, batteries: Batteries, before: CertificateBooks, limits: Limits | None = None
) -> Certification:
    """Certify an interval, or certify it again: then by difference to what is in the books.

    Args:
        interval: Its facts as they are known now.
        batteries: Every battery that moved in it, by its readings or by the books.
        before: What is in the books of it.
        limits: What a shrunken lot leaves for the interval's draws, where one did.
    """
    start = interval.delivery_start
    records: dict[str, StorageRecord] = {}
    contents: dict[str, Content] = {}
    for device_id, energy in _moves(interval.sites, batteries.storages, before).items():
        old = before.records.get(device_id, StorageRecord(device_id=device_id))
        draws = limited(old.draws, (limits or {}).get(device_id, {}))
        content, draws = discharge(batteries.content(device_id), draws, energy.export_wh, start)
        contents[device_id] = content
        records[device_id] = StorageRecord(
            device_id=device_id, charged_wh=energy.import_wh, discharged_wh=energy.export_wh, draws=draws
        )
    traders = {party for trade in interval.trades for party in (trade.buyer_id, trade.seller_id)}
    sites = {trader: CertificateSite(participant_id=trader, consumption_wh=0) for trader in traders}
    sites.update((site.participant_id, _site(site, records)) for site in interval.sites)
    producers = {
        device.device_id: site.participant_id for site in interval.sites for device in (*site.roofs, *site.batteries)
    }
    shares = allocate(sites, interval.trades)
    lots = _charge(records, contents, shares, before, batteries.storages, start)
    bundles, slices = _numbers(shares, producers, before)
    lines = _lines(interval.sites, shares, producers)
    changed = CertificateBooks(
        slices={device_id: now for device_id, now in slices.items() if now != before.slices.get(device_id, ())},
        records={key: now for key, now in records.items() if now != before.records.get(key)},
        lines={line.participant_id: line for line in lines if line != before.lines.get(line.participant_id)},
    )
    return Certification(bundles=bundles, changed=changed, contents=contents, lots=lots)


def _moves(
    sites: Sequence[MeteredSite], storages: Mapping[str, Storage], before: CertificateBooks
) -> dict[str, DeviceEnergy]:
    """Return what each battery did, as far as it was measured; those that the books have moved are among them."""
    still = {
        record: DeviceEnergy(device_id=record, import_wh=0, export_wh=0, is_measured=True) for record in before.records
    }
    moved = {
        battery.device_id: battery
        for site in sites
        for battery in site.batteries
        if battery.is_measured and battery.device_id in storages and (battery.import_wh or battery.export_wh)
    }
    return {**{one: energy for one, energy in still.items() if one in storages}, **moved}


def _site(site: MeteredSite, records: Mapping[str, StorageRecord]) -> CertificateSite:
    roofs = [
        Supply(device_id=roof.device_id, quantity_wh=roof.export_wh)
        for roof in sorted(site.roofs, key=lambda one: one.device_id)
        if roof.is_measured and roof.export_wh
    ]
    moved = [records[one] for one in sorted(battery.device_id for battery in site.batteries) if one in records]
    given = [
        Supply(device_id=record.device_id, charged_at=draw.charged_at, quantity_wh=draw.certified_wh)
        for record in moved
        for draw in record.draws
        if draw.certified_wh
    ]
    return CertificateSite(
        participant_id=site.participant_id,
        consumption_wh=site.consumption_wh,
        supplies=(*roofs, *given),
        charged_wh={record.device_id: record.charged_wh for record in moved if record.charged_wh},
    )


def _charge(
    records: dict[str, StorageRecord],
    contents: dict[str, Content],
    shares: Sequence[Share],
    before: CertificateBooks,
    storages: Mapping[str, Storage],
    start: datetime,
) -> dict[str, Lot]:
    """Write down what charging cancelled, and put what it makes into the batteries; return the interval's lots."""
    stored_wh: defaultdict[str | None, int] = defaultdict(int)
    for share in shares:
        if share.purpose == "storage":
            stored_wh[share.battery_id] += share.quantity_wh
    lots = {}
    for device_id, record in records.items():
        storage = storages[device_id]
        now = StorageRecord(
            device_id=device_id,
            charged_wh=record.charged_wh,
            certified_wh=stored_wh[device_id],
            discharged_wh=record.discharged_wh,
            draws=record.draws,
        )
        records[device_id] = now
        old = before.records.get(device_id, StorageRecord(device_id=device_id))
        lots[device_id] = deliverable(storage, now, start)
        content = recharge(contents[device_id], deliverable(storage, old, start), lots[device_id])
        contents[device_id] = within(content, storage.capacity_wh)
    return lots


def _numbers(
    shares: Sequence[Share], producers: Mapping[str, str], before: CertificateBooks
) -> tuple[tuple[Bundle, ...], dict[str, tuple[CertificateSlice, ...]]]:
    by_device: defaultdict[str, list[Share]] = defaultdict(list)
    for share in shares:
        by_device[share.device_id].append(share)
    bundles: list[Bundle] = []
    slices = {}
    for device_id in sorted({*by_device, *before.slices}):
        old = before.slices.get(device_id, ())
        issued, slices[device_id] = numbered(device_id, producers[device_id], by_device[device_id], old)
        bundles += issued
    return tuple(bundles), slices


def _lines(
    sites: Sequence[MeteredSite], shares: Sequence[Share], producers: Mapping[str, str]
) -> list[CertificateLine]:
    sums: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for share in shares:
        producer_id = producers[share.device_id]
        sums[producer_id]["issued" if share.charged_at is None else "reissued"] += share.quantity_wh
        if producer_id != share.account_id:
            sums[producer_id]["passed_on"] += share.quantity_wh
            sums[share.account_id]["received"] += share.quantity_wh
        sums[share.account_id][share.purpose] += share.quantity_wh
    return [_line(site, sums[site.participant_id]) for site in sites]


def _line(site: MeteredSite, sums: Mapping[str, int]) -> CertificateLine:
    consumption_wh = site.consumption_wh
    reissued_wh, claimed_wh, stored_wh = (sums.get(name, 0) for name in ("reissued", "use", "storage"))
    charged_wh = sum(battery.import_wh for battery in site.batteries)
    # What a battery gave without a certificate was counted when it was charged.
    grey_wh = sum(battery.export_wh for battery in site.batteries) - reissued_wh
    return CertificateLine(
        participant_id=site.participant_id,
        consumption_wh=consumption_wh,
        issued_wh=sums.get("issued", 0),
        reissued_wh=reissued_wh,
        received_wh=sums.get("received", 0),
        passed_on_wh=sums.get("passed_on", 0),
        claimed_wh=claimed_wh,
        stored_wh=stored_wh,
        withdrawn_wh=sums.get("export", 0),
        location_wh=site.import_wh,
        market_wh=max(0, consumption_wh + charged_wh - claimed_wh - stored_wh - grey_wh),
    )
