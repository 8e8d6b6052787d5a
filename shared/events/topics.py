"""The one table of topics. Topic creation, the AsyncAPI document and docs/events.md are made from it."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter

from shared.events import commands, deadletters, fems, forecast, market, orders, planner, scheduler, settlement
from shared.events.base import Event

# Every topic has so many partitions, and a complex lies in the same one of each: its events are with one member of a
# group, whatever their keys. Another number means moving every topic.
PARTITIONS = 12
SERVICES = ("fems", "forecast", "scheduler", "market", "settlement", "planner", "trading_api")


@dataclass(frozen=True, slots=True)
class Topic:
    """One stream of facts.

    Attributes:
        name: `<producer>.<facts>.v<N>`.
        key: The event's fields that make the message key: what the event is about.
        events: What it carries.
        producer: The one service that writes it.
        consumers: The services that read it.
        retention: How long the broker keeps it.
    """

    name: str
    key: tuple[str, ...]
    events: tuple[type[Event], ...]
    producer: str
    consumers: tuple[str, ...]
    retention: timedelta

    def key_of(self, event: Event) -> str:
        """Return the message key of one of this topic's events."""
        return "/".join(str(attrgetter(field)(event)) for field in self.key)


def _topic(name: str, key: str, events: Iterable[type[Event]], consumers: str, days: int) -> Topic:
    return Topic(
        name=name,
        key=tuple(key.split("/")),
        events=tuple(events),
        producer=name.split(".", maxsplit=1)[0],
        consumers=tuple(consumers.split()),
        retention=timedelta(days=days),
    )


TOPICS: tuple[Topic, ...] = (
    _topic(
        "fems.readings.v1",
        "complex_id/meter_id",
        [fems.IntervalMetered],
        "forecast scheduler settlement planner trading_api",
        400,
    ),
    _topic("fems.states.v1", "complex_id/device_id", [fems.DeviceObserved], "scheduler trading_api", 7),
    _topic(
        "fems.setpoints.v1",
        "complex_id/device_id",
        [fems.SetpointConfirmed, fems.SetpointRefused],
        "scheduler trading_api",
        30,
    ),
    _topic("forecast.forecasts.v1", "complex_id/site_id", [forecast.ForecastIssued], "scheduler trading_api", 30),
    _topic("forecast.accuracy.v1", "complex_id", [forecast.AccuracyMeasured], "trading_api", 400),
    _topic(
        "scheduler.orders.v1",
        "complex_id",
        [orders.OrderSubmitted, orders.OrderCancelRequested, orders.OrdersSealed],
        "market trading_api",
        400,
    ),
    _topic("scheduler.schedules.v1", "complex_id/device_id", [scheduler.ScheduleSolved], "trading_api", 30),
    _topic("scheduler.setpoints.v1", "complex_id/device_id", [scheduler.SetpointIssued], "fems trading_api", 30),
    # What changes the rules for orders travels among them, so that no order overtakes it.
    _topic(
        "trading_api.orders.v1",
        "complex_id",
        [
            orders.OrderSubmitted,
            orders.BlockSubmitted,
            orders.OrderAmendRequested,
            orders.OrderCancelRequested,
            orders.OrdersSealed,
            commands.MarketHaltRequested,
            commands.MarketResumeRequested,
            commands.CalendarChangeRequested,
            commands.LimitsChangeRequested,
            commands.ParticipantSuspendRequested,
            commands.ParticipantResumeRequested,
        ],
        "market scheduler",
        400,
    ),
    _topic(
        "trading_api.studies.v1",
        "complex_id/study_id",
        [commands.StudyRequested, commands.StudyCancelRequested],
        "planner",
        30,
    ),
    _topic("trading_api.audit.v1", "complex_id", [commands.DeedRecorded], "settlement", 400),
    _topic("trading_api.bidding.v1", "complex_id/participant_id", [commands.BiddingChanged], "scheduler", 400),
    _topic("trading_api.plans.v1", "complex_id/plan.participant_id", [commands.LoadPlanStated], "forecast", 400),
    _topic(
        "market.orders.v1",
        "complex_id",
        [
            market.OrderAccepted,
            market.OrderRejected,
            market.OrderAmended,
            market.AmendmentRejected,
            market.OrderCancelled,
            market.OrderLapsed,
        ],
        "scheduler trading_api",
        400,
    ),
    _topic(
        "market.auctions.v1",
        "complex_id",
        [
            market.AuctionCleared,
            market.DayAheadCleared,
            market.BlockDecided,
            market.DeedDecided,
            market.MarketHalted,
            market.MarketResumed,
            market.CalendarChanged,
            market.CalendarChangeRefused,
            market.LimitsChanged,
            market.ParticipantSuspended,
            market.ParticipantResumed,
        ],
        "scheduler settlement trading_api",
        400,
    ),
    _topic(
        "settlement.statements.v1",
        "complex_id",
        [
            settlement.IntervalSettled,
            settlement.IntervalResettled,
            settlement.StatementIssued,
            settlement.ReadingIgnored,
            settlement.InvoiceIssued,
            settlement.CertificatesSettled,
        ],
        "trading_api",
        400,
    ),
    _topic(
        "planner.results.v1",
        "complex_id/study_id",
        [planner.StudyProgressed, planner.StudyCompleted, planner.StudyFailed],
        "trading_api",
        30,
    ),
    *(
        _topic(f"{service}.dead_letters.v1", "complex_id", [deadletters.MessageSetAside], "trading_api", 30)
        for service in SERVICES
    ),
)

EVENT_TYPES: dict[str, type[Event]] = {event.event_type(): event for topic in TOPICS for event in topic.events}


def partition_of(complex_id: str) -> int:
    """Return the partition in which all events of a complex lie, on every topic."""
    return zlib.crc32(complex_id.encode()) % PARTITIONS


def topics_read_by(service: str) -> tuple[Topic, ...]:
    """Return the topics that a service consumes."""
    return tuple(topic for topic in TOPICS if service in topic.consumers)


def topic_written_by(service: str, event: Event) -> Topic:
    """Return the topic in which a service publishes an event; a service without one breaks the table's promise."""
    for topic in TOPICS:
        if topic.producer == service and type(event) in topic.events:
            return topic
    raise LookupError(f"{service} has no topic for {type(event).__name__}; see shared/events/topics.py")
