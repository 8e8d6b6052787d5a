"""The scheduler on the bench: when it dispatches, bids and seals, and that it does each once."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.scheduler.handlers.rounds import MEASURED_WITHIN
from shared.complex.model import Complex
from shared.events.forecast import ForecastKind
from shared.events.market import MarketHalted, MarketResumed, ParticipantResumed, ParticipantSuspended
from shared.events.orders import OrdersSealed, OrderSubmitted
from shared.events.scheduler import ScheduleSolved, SetpointIssued
from shared.events.wire import decode
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.scheduler.scheduler_facts import (
    DAESUNG,
    HANBIT,
    NOON,
    ROOF,
    SECOND,
    a_bench,
    a_complex,
    a_forecast,
    a_quarter_hour,
    a_refusal,
    a_state,
    an_auction,
    forecasts,
)

C = "changwon-demo"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return a_bench(tmp_path, a_complex(C))


def dispatched(bench: Bench) -> list[datetime]:
    """Return the intervals for which the battery was told something."""
    return [event.delivery_start for event in bench.published(SetpointIssued)]


def charge_at_start_wh(plan: ScheduleSolved) -> float:
    """Return the charge that a plan begins with: its first end, less what its first interval puts in."""
    # A quarter of an hour at 96 % each way.
    return plan.soc_wh[0] - (plan.charge_w[0] * 0.96 - plan.discharge_w[0] / 0.96) / 4


def test_dispatch_waits_for_the_auction_and_the_newest_forecasts(bench: Bench) -> None:
    bench.give(a_state(C, NOON), *forecasts(C, NOON - INTERVAL))
    assert dispatched(bench) == []

    bench.give(an_auction(C, NOON + INTERVAL))
    assert dispatched(bench) == []

    *most, last = forecasts(C, NOON)
    bench.give(*most)
    assert dispatched(bench) == []

    bench.give(last)
    assert dispatched(bench) == [NOON + INTERVAL]


def test_dispatch_waits_no_longer_than_half_an_interval(bench: Bench) -> None:
    bench.give(a_state(C, NOON), *forecasts(C, NOON - INTERVAL))

    bench.run(until=NOON + timedelta(minutes=7, seconds=30) - timedelta(microseconds=1))
    assert dispatched(bench) == []

    bench.run(until=NOON + timedelta(minutes=7, seconds=30))
    assert dispatched(bench) == [NOON + INTERVAL]


def test_a_set_point_is_bounded_expires_and_belongs_to_its_plan(bench: Bench) -> None:
    bench.give(a_state(C, NOON))
    a_quarter_hour(bench, C, NOON)

    [setpoint], [plan] = bench.published(SetpointIssued), bench.published(ScheduleSolved)

    assert setpoint.delivery_start == plan.first_delivery_start == NOON + INTERVAL
    assert setpoint.expires_at == NOON + 2 * INTERVAL
    assert setpoint.issued_at == NOON
    assert (setpoint.charge_w_max, setpoint.discharge_w_max) == (250_000, 250_000)
    assert setpoint.setpoint_w == plan.charge_w[0] - plan.discharge_w[0]
    assert len(plan.charge_w) == len(plan.soc_wh) == len(plan.reasons) == 96
    # The battery was idle since noon, so it begins with what was measured.
    assert charge_at_start_wh(plan) == pytest.approx(400_000, abs=2)


def test_each_factory_bids_once_for_the_next_open_auction(bench: Bench) -> None:
    bench.give(a_state(C, NOON))
    a_quarter_hour(bench, C, NOON)

    hanbit, daesung = bench.published(OrderSubmitted)

    assert {hanbit.delivery_start, daesung.delivery_start} == {NOON + 2 * INTERVAL}
    assert (hanbit.participant_id, hanbit.sequence) == (HANBIT, 1)
    # 480 kW and nothing of its own: 120 kWh, at 0.75 of the way between the grid's two prices.
    assert (daesung.participant_id, daesung.side, daesung.quantity_wh, daesung.sequence) == (DAESUNG, "buy", 120_000, 2)


def test_a_halted_market_gets_no_bids_while_batteries_are_dispatched_on(bench: Bench) -> None:
    halted = MarketHalted(complex_id=C, halted_at=NOON, reason="drill", operator="kim")
    bench.give(a_state(C, NOON), halted)
    a_quarter_hour(bench, C, NOON)
    assert (len(dispatched(bench)), bench.published(OrderSubmitted)) == (1, [])

    bench.give(MarketResumed(complex_id=C, resumed_at=NOON + SECOND, operator="kim"))
    a_quarter_hour(bench, C, NOON + INTERVAL)

    assert {event.delivery_start for event in bench.published(OrderSubmitted)} == {NOON + 3 * INTERVAL}


def test_a_suspended_participant_gets_no_bids_while_its_battery_is_dispatched_on(bench: Bench) -> None:
    suspended = {"suspended_at": NOON, "reason": "deposit", "operator": "kim"}
    bench.give(a_state(C, NOON), ParticipantSuspended(complex_id=C, participant_id=HANBIT, **suspended))
    a_quarter_hour(bench, C, NOON)
    assert len(dispatched(bench)) == 1
    assert [event.participant_id for event in bench.published(OrderSubmitted)] == [DAESUNG]

    resumed_at = NOON + SECOND
    bench.give(ParticipantResumed(complex_id=C, participant_id=HANBIT, resumed_at=resumed_at, operator="kim"))
    # Its gate is still open: what the round had found is ordered now.
    missed = bench.published(OrderSubmitted)[-1]
    assert (missed.participant_id, missed.delivery_start) == (HANBIT, NOON + 2 * INTERVAL)
    a_quarter_hour(bench, C, NOON + INTERVAL)

    assert [event.participant_id for event in bench.published(OrderSubmitted)] == [DAESUNG, HANBIT, HANBIT, DAESUNG]


@pytest.mark.parametrize(("caution", "moves"), [(None, False), (1.0, True)])
def test_the_forecasts_range_moves_the_plan_of_a_cautious_battery_alone(
    tmp_path: Path, caution: float | None, *, moves: bool
) -> None:
    plans = []
    for name, share in (("sure", 1.0), ("unsure", 0.5)):
        folder = tmp_path / name
        folder.mkdir()
        bench = a_bench(folder, with_caution(a_complex(C), caution))
        sun = a_forecast(C, NOON, ForecastKind.PV, ROOF, 540.0)
        low, high = (tuple(factor * one for one in sun.p50_kw) for factor in (share, 2 - share))
        unsure = sun.model_copy(update={"p10_kw": low, "p90_kw": high})
        bench.give(a_state(C, NOON), *forecasts(C, NOON), unsure, an_auction(C, NOON + INTERVAL))
        plans.append(bench.published(ScheduleSolved)[-1])
        bench.close()

    sure, uncertain = (plan.model_dump(exclude={"solve_seconds"}) for plan in plans)
    assert (sure != uncertain) is moves
    assert sure["status"] == uncertain["status"] == "optimal"


def with_caution(complex_: Complex, caution: float | None) -> Complex:
    hanbit, daesung = complex_.participants
    careful = hanbit.model_copy(
        update={"ess": tuple(one.model_copy(update={"caution": caution}) for one in hanbit.ess)}
    )
    return complex_.model_copy(update={"participants": (careful, daesung)})


def test_restarts_repeats_and_ticks_change_nothing(bench: Bench) -> None:
    bench.give(a_state(C, NOON))
    a_quarter_hour(bench, C, NOON)
    before = (dispatched(bench), bench.published(OrderSubmitted), bench.published(OrdersSealed))

    for _ in range(3):
        bench.restart()
        bench.give(a_state(C, NOON + SECOND), *forecasts(C, NOON), an_auction(C, NOON + INTERVAL))
        bench.run(until=NOON + timedelta(minutes=14))

    assert (dispatched(bench), bench.published(OrderSubmitted), bench.published(OrdersSealed)) == before
    assert len(before[1]) == 2


def test_every_interval_is_dispatched_bid_for_and_sealed_once_in_order(bench: Bench) -> None:
    starts = [NOON + n * INTERVAL for n in range(8)]
    for start in starts:
        bench.give(a_state(C, start))
        a_quarter_hour(bench, C, start)

    # In its topic no order stands behind its auction's seal, and each was stamped before the gate.
    sealed: set[datetime] = set()
    numbers: list[int] = []
    for message in bench.bus.messages("scheduler.orders.v1"):
        event = decode(message).event
        if isinstance(event, OrdersSealed):
            assert event.delivery_start not in sealed
            assert event.last_sequence == len(numbers)
            sealed.add(event.delivery_start)
        elif isinstance(event, OrderSubmitted):
            assert event.delivery_start not in sealed
            assert event.submitted_at < event.delivery_start - INTERVAL
            numbers.append(event.sequence)
    assert dispatched(bench) == [start + INTERVAL for start in starts]
    assert numbers == list(range(1, 17))  # two factories in each of eight auctions
    assert sorted(sealed) == [start + INTERVAL for start in starts]


def test_after_hours_without_the_process_every_gate_is_sealed_and_only_the_present_dispatched(bench: Bench) -> None:
    bench.give(a_state(C, NOON))
    a_quarter_hour(bench, C, NOON)
    back = NOON + timedelta(hours=5, minutes=8)

    bench.run(until=back)
    bench.run()

    # 17:08 lies in the interval from 17:00; the gate of 17:15 has closed, that of 17:30 is open.
    newest = NOON + timedelta(hours=5, minutes=15)
    assert dispatched(bench) == [NOON + INTERVAL, newest]
    assert {order.delivery_start for order in bench.published(OrderSubmitted)} == {
        NOON + 2 * INTERVAL,
        newest + INTERVAL,
    }
    assert [seal.delivery_start for seal in bench.published(OrdersSealed)] == [
        NOON + n * INTERVAL for n in range(1, 22)
    ]


@pytest.mark.parametrize("refused", [False, True])
def test_the_next_plan_begins_where_the_last_set_point_leads_or_idle_if_it_was_refused(
    bench: Bench, *, refused: bool
) -> None:
    # 950 kWh are 50 more than its band allows: 48 kWh have to get out in a quarter of an hour, which is 192 kW.
    bench.give(a_state(C, NOON + INTERVAL - SECOND, soc_wh=950_000))
    a_quarter_hour(bench, C, NOON)
    [setpoint] = bench.published(SetpointIssued)
    assert setpoint.setpoint_w <= -192_000
    if refused:
        bench.give(a_refusal(setpoint))

    a_quarter_hour(bench, C, NOON + INTERVAL)

    discharged_wh = 0 if refused else -setpoint.setpoint_w / 0.96 / 4
    begins_wh = charge_at_start_wh(bench.published(ScheduleSolved)[-1])
    assert begins_wh == pytest.approx(950_000 - discharged_wh, abs=2)


def test_a_battery_that_nobody_measured_lately_is_left_alone_but_its_factory_bids(bench: Bench) -> None:
    bench.give(a_state(C, NOON - MEASURED_WITHIN - SECOND))

    a_quarter_hour(bench, C, NOON)

    assert dispatched(bench) == []
    hanbit, _ = bench.published(OrderSubmitted)
    # 540 kW of sun less 140 kW of load for a quarter of an hour.
    assert (hanbit.side, hanbit.quantity_wh) == ("sell", 100_000)


def test_a_state_of_a_device_that_did_not_answer_is_no_measurement(bench: Bench) -> None:
    bench.give(a_state(C, NOON - SECOND))
    bench.give(a_state(C, NOON, soc_wh=999_999).model_copy(update={"reachable": False}))

    a_quarter_hour(bench, C, NOON)

    assert charge_at_start_wh(bench.published(ScheduleSolved)[0]) == pytest.approx(400_000, abs=2)


def test_a_factory_without_a_forecast_waits_and_the_others_go_on(bench: Bench) -> None:
    bench.give(a_state(C, NOON), forecasts(C, NOON)[2])

    bench.run(until=NOON + timedelta(minutes=8))

    assert dispatched(bench) == []
    assert [order.participant_id for order in bench.published(OrderSubmitted)] == [DAESUNG]


def test_two_complexes_are_planned_apart(tmp_path: Path) -> None:
    other = "banwol-demo"
    bench = a_bench(tmp_path, a_complex(C), a_complex(other))
    bench.give(a_state(C, NOON), a_state(other, NOON, soc_wh=700_000))

    a_quarter_hour(bench, C, NOON)
    assert {event.complex_id for event in bench.published(SetpointIssued)} == {C}
    a_quarter_hour(bench, other, NOON)

    plans = {plan.complex_id: plan for plan in bench.published(ScheduleSolved)}
    assert {name: round(charge_at_start_wh(plan), -1) for name, plan in plans.items()} == {C: 400_000, other: 700_000}
    assert plans[C].schedule_id != plans[other].schedule_id
    orders = [(order.complex_id, order.sequence) for order in bench.published(OrderSubmitted)]
    assert sorted(orders) == [(other, 1), (other, 2), (C, 1), (C, 2)]
    seals = [(seal.complex_id, seal.delivery_start) for seal in bench.published(OrdersSealed)]
    assert sorted(seals) == [(other, NOON + INTERVAL), (C, NOON + INTERVAL)]
    assert len({order.order_id for order in bench.published(OrderSubmitted)}) == 4


@pytest.mark.parametrize("lead_minutes", [5, 15, 30, 60])
def test_dispatch_follows_gate_closure_whatever_its_lead(tmp_path: Path, lead_minutes: int) -> None:
    lead = timedelta(minutes=lead_minutes)
    bench = a_bench(tmp_path, a_complex(C, lead_minutes=lead_minutes))
    delivery_start = NOON + 4 * INTERVAL
    gate_closure = delivery_start - lead
    bench.run(until=gate_closure)

    issued = NOON + (gate_closure - NOON) // INTERVAL * INTERVAL
    bench.give(a_state(C, gate_closure), *forecasts(C, issued), an_auction(C, delivery_start))

    assert dispatched(bench) == [delivery_start]
    orders = bench.published(OrderSubmitted)
    assert {order.delivery_start for order in orders} == {delivery_start + INTERVAL}
    assert {order.submitted_at for order in orders} == {gate_closure}
    # The bench began at noon, and its first tick sealed what had closed then.
    assert bench.published(OrdersSealed)[-1].delivery_start == delivery_start


def test_battery_that_nothing_can_be_planned_for_costs_nobody_else_a_set_point(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd, sound = "odd-complex", "sound-complex"
    bench = a_bench(tmp_path, a_complex(odd), a_complex(sound))

    # 10^13 kW are no case that the optimizer takes.
    bench.give(a_state(odd, NOON), an_auction(odd, NOON + INTERVAL), *forecasts(odd, NOON, load_kw=1e13))
    bench.give(a_state(sound, NOON), an_auction(sound, NOON + INTERVAL), *forecasts(sound, NOON))

    assert [event.complex_id for event in bench.published(SetpointIssued)] == [sound]
    assert {event.complex_id for event in bench.published(ScheduleSolved)} == {sound}
    messages = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert messages == ["no plan for a battery: what is known of it can't be calculated with"]
