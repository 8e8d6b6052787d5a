"""What a saving is: one definition for statements, invoices, reports, the API and the console.

`docs/savings.md` says it for people. A saving is what the same consumption and sun would have cost with everything
bought from the grid and the batteries idle, less what it cost, plus what the batteries hold more in the end
(`stored_value_krw`). Two parts make it up and never go by its name: the battery shift, and the trading gain.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final, NamedTuple

from optimizers.tariff.notes import Note
from shared.complex.model import Complex
from shared.units import JEON_WH_PER_KRW, round_half_up

PPM: Final = 1_000_000

SAVING: Final = Note(
    "saving",
    "saved: what energy cost with trades and batteries, compared with buying everything from the grid at the factory's "
    "own tariff (surplus at the sell-back price), batteries idle, the same sun; energy alone, without demand charge "
    "and taxes, each Korean day by itself. What batteries gave beyond what they took in saves nothing: left out is "
    "what it spared or, where that is more, what charging it again costs at the day's cheapest price. What they "
    "took in beyond what they gave is counted at what it cost",
    "절감액: 거래와 배터리를 포함한 전력 비용을, 같은 태양광에서 배터리를 쓰지 않고 전부 공장 자체 요금(잉여는 역송 "
    "단가)으로 한전과만 거래했을 때와 비교한 차이. 기본요금과 세금을 뺀 전력량 요금만, 하루(한국 시각)씩 따로 계산. "
    "배터리가 충전한 것보다 더 내보낸 전력은 절감이 아님: 그 전력이 줄인 비용과 그날 가장 싼 단가로 다시 충전하는 "
    "비용 중 큰 쪽을 제외. 충전하고 아직 내보내지 않은 전력은 충전에 든 비용으로 계산",
)
BATTERY_SHIFT: Final = Note(
    "battery_shift",
    "battery shift: what moving energy in time was worth at the grid's two prices, trades left out, compared with "
    "leaving the batteries idle; energy taken out and not put back counts as it does in a saving",
    "배터리 이동 효과: 거래를 빼고 한전의 두 단가로 본, 배터리를 쓰지 않았을 때와의 차이. 꺼내고 다시 채우지 않은 "
    "전력은 절감액과 같은 방식으로 계산",
)
TRADING_GAIN: Final = Note(
    "trading_gain",
    "trading gain: what trading inside the complex brought, compared with buying and selling the same metered energy "
    "to the grid",
    "거래 이득: 같은 계량 전력을 한전과만 거래했을 때와 비교한 단지 내 거래의 이득",
)


class SettledEnergy(NamedTuple):
    """A factory's interval at its connection, and the grid's two prices [jeon/kWh]."""

    participant_id: str
    delivery_start: datetime
    import_wh: int
    export_wh: int
    import_price_jeon: int
    export_price_jeon: int


class StoredEnergy(NamedTuple):
    """An interval at a battery's terminals."""

    participant_id: str
    delivery_start: datetime
    device_id: str
    charged_wh: int
    discharged_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a factory's batteries did to its costs at the grid's prices, without trades.

    Args:
        without_krw: With the batteries idle.
        with_krw: As metered.
        recharge_wh: What has to be charged until they hold what they held; below 0 they hold more.
        stored_value_krw: What that is worth: below 0 what must not count as saved, above 0 what is no loss.
    """

    without_krw: int = 0
    with_krw: int = 0
    recharge_wh: int = 0
    stored_value_krw: int = 0

    @property
    def shift_krw(self) -> int:
        """Return what moving energy in time was worth; below 0 it cost."""
        return self.without_krw - self.with_krw + self.stored_value_krw


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What one or several factories saved; sums of factories and days are savings again."""

    intervals: int = 0
    baseline_krw: int = 0
    cost_krw: int = 0
    stored_value_krw: int = 0
    shift_krw: int = 0

    @property
    def saving_krw(self) -> int:
        """Return what was saved; below 0 it cost more."""
        return saving_krw(self.baseline_krw, self.cost_krw, self.stored_value_krw)

    @property
    def trading_gain_krw(self) -> int:
        """Return the part of it that is not the batteries'."""
        return self.saving_krw - self.shift_krw


def saving_krw(baseline_krw: int, cost_krw: int, stored_value_krw: int) -> int:
    """Return what was saved: everything from the grid, less what it cost, plus what is stored more."""
    return baseline_krw - cost_krw + stored_value_krw


def round_trips_ppm(complex_: Complex) -> Mapping[str, int]:
    """Return what comes back of a Wh charged, in millionths, by battery."""
    batteries = (ess for participant in complex_.participants for ess in participant.ess)
    return {ess.device_id: round(ess.charge_efficiency * ess.discharge_efficiency * PPM) for ess in batteries}


def shifts_of(
    settled: Iterable[SettledEnergy], stored: Iterable[StoredEnergy], round_trip_ppm: Mapping[str, int]
) -> dict[str, Shift]:
    """Return what each factory's batteries did in a period, a Korean day or as much of it as is settled.

    Args:
        settled: Of each factory and interval one.
        stored: What is outside of the settled intervals is left out.
        round_trip_ppm: By battery; one that is not in it is taken to lose nothing.
    """
    lines: defaultdict[str, dict[datetime, SettledEnergy]] = defaultdict(dict)
    for line in settled:
        lines[line.participant_id][line.delivery_start] = line
    flows: defaultdict[str, list[StoredEnergy]] = defaultdict(list)
    for flow in stored:
        if flow.delivery_start in lines[flow.participant_id]:
            flows[flow.participant_id].append(flow)
    return {one: _shift(list(of_one.values()), flows[one], round_trip_ppm) for one, of_one in lines.items()}


def _shift(lines: Sequence[SettledEnergy], flows: Sequence[StoredEnergy], round_trip_ppm: Mapping[str, int]) -> Shift:
    net_charged_wh: defaultdict[datetime, int] = defaultdict(int)
    charged_wh, needed_wh = 0, Fraction(0)
    for flow in flows:
        net_charged_wh[flow.delivery_start] += flow.charged_wh - flow.discharged_wh
        charged_wh += flow.charged_wh
        needed_wh += Fraction(flow.discharged_wh * PPM, round_trip_ppm.get(flow.device_id, PPM))
    with_jeon_wh = spared_jeon_wh = paid_jeon_wh = 0
    for line in lines:
        net_wh, moved_wh = line.import_wh - line.export_wh, net_charged_wh[line.delivery_start]
        as_metered, idle = _cost_jeon_wh(net_wh, line), _cost_jeon_wh(net_wh - moved_wh, line)
        with_jeon_wh += as_metered
        if moved_wh < 0:
            spared_jeon_wh += idle - as_metered
        else:
            paid_jeon_wh += as_metered - idle
    recharge_wh = needed_wh - charged_wh
    if recharge_wh > 0:
        cheapest_jeon = min(line.import_price_jeon for line in lines)
        not_saved = max(spared_jeon_wh * recharge_wh / needed_wh, recharge_wh * cheapest_jeon)
    else:
        not_saved = Fraction(paid_jeon_wh) * recharge_wh / charged_wh if charged_wh else Fraction(0)
    return Shift(
        without_krw=_krw(Fraction(with_jeon_wh + spared_jeon_wh - paid_jeon_wh)),
        with_krw=_krw(Fraction(with_jeon_wh)),
        recharge_wh=round(recharge_wh),
        stored_value_krw=_krw(-not_saved),
    )


def _cost_jeon_wh(net_wh: int, line: SettledEnergy) -> int:
    return net_wh * (line.import_price_jeon if net_wh > 0 else line.export_price_jeon)


def _krw(jeon_wh: Fraction) -> int:
    return round_half_up(jeon_wh.numerator, jeon_wh.denominator * JEON_WH_PER_KRW)
