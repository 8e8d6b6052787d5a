"""The run loop, which holds every hard guarantee (ARCHITECTURE.md, "One run loop").

    poll -> decode -> one transaction {inbox, handlers, state, outbox} -> commit the offsets
    outbox -> publish -> drop what was published

State, inbox and outbox commit together, so a crash anywhere leads to a redelivery that does nothing, or to a
re-publication under the same ids, which the next inbox drops. Handlers return events; they never publish, sleep or read
the clock.
"""

import base64
import contextlib
import logging
import re
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sqlalchemy.engine import Connection, Engine

from shared import failpoints
from shared.bus.port import Bus, BusUnavailable, Consumer, Received
from shared.clock import Clock, ClockStepped, monotonic_s
from shared.db import messaging
from shared.db.engine import DATABASE_FAULTS, reading
from shared.db.writer import Begin
from shared.events.base import Envelope, Event, derived_id, named_id
from shared.events.deadletters import UNKNOWN_COMPLEX, MessageSetAside
from shared.events.topics import topics_read_by
from shared.events.wire import EventTooLarge, Message, Undecodable, decode
from shared.runtime import metrics
from shared.runtime.handlers import Caused, Handler, RunHandler, run_handler
from shared.runtime.metrics import Metrics
from shared.runtime.publishing import OutboxPublisher

logger = logging.getLogger(__name__)

Tick = Callable[[datetime, Connection], Sequence[Event]]
NextDue = Callable[[datetime, Connection], datetime | None]

# The inbox forgets what is days old, so how often it is looked through is only a matter of cost.
FORGET_EVERY_S = 600.0
# A dead letter has to fit into one message itself, however large the bad one was.
LETTER_BODY_BYTES_MAX = 65_536
LETTER_TEXT_CHARACTERS_MAX = 1_000
LETTER_HEADERS_MAX = 50


# A tick that makes an event which no bus would carry is undone; in between, what it looks at may change.
TICK_AGAIN_AFTER_S = 60.0


def at_once(now: datetime, db: Connection) -> datetime:
    """Say that a tick may have something to do at any time: the loop asks it in each round."""
    del db
    return now


class RuleBroken(Exception):  # noqa: N818 -- it says what the event did
    """A decoded event breaks an invariant of the service; it goes to the dead-letter topic with this reason."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the loop runs: a name, the ids of the served complexes, a handler for each event taken in, and a tick.

    The loop passes over events of other complexes: no handler sees them.

    A tick is what has to happen as time passes. The loop calls it between batches, in a transaction of its own, with
    the present instant: after each batch that was handled, and when it is due. `next_due` says when that is, as far as
    is known after a tick, in its transaction; None: not before another batch. A tick does nothing when nothing is due.
    """

    name: str
    complexes: Collection[str]
    handlers: Mapping[type[Event], Handler | RunHandler] = field(default_factory=dict)
    tick: Tick | None = None
    next_due: NextDue = at_once


class RunLoop:
    """One service on one bus and one database.

    `elapsed_s` counts wall seconds from any beginning, for chores that no fact depends on.
    """

    def __init__(
        self,
        service: Service,
        bus: Bus,
        engine: Engine,
        clock: Clock,
        elapsed_s: Callable[[], float] = monotonic_s,
        figures: Metrics | None = None,
    ) -> None:
        self._service = service
        self._handlers = {event: run_handler(handler) for event, handler in service.handlers.items()}
        self._bus = bus
        self._engine = engine
        self._begin: Begin = engine.begin
        self._clock = clock
        self._consumer: Consumer | None = None
        self._elapsed_s = elapsed_s
        self._forget_at_s = elapsed_s()
        self._metrics = Metrics() if figures is None else figures
        self._outbox = OutboxPublisher(service.name, bus, engine, self._metrics)
        self._publishes = True
        self._tick_at_s: float | None = None
        # At the start anything may be due.
        self._may_be_due = True
        self._due_at: datetime | None = None

    def write_beside_others(self, begin: Begin, outbox: OutboxPublisher) -> None:
        """Write in turns with other threads of the process, and let one of them publish: it is woken by each commit."""
        self._begin, self._outbox, self._publishes = begin, outbox, False

    def step(self, wait_s: float) -> int:
        """Do one round and return how many messages it took in.

        Raises:
            BusUnavailable: The broker is away; call again later, nothing is lost.
            BusRefused: The broker says no; waiting would not help.
            ClockStepped: Nobody knows what time it is; call again later.
            sqlalchemy.exc.SQLAlchemyError: One of DATABASE_FAULTS: it is away, hung or locked; the same.
        """
        try:
            taken = self._round(wait_s)
        except BusUnavailable:
            self._bus.acknowledged.round_ended(well=False)
            raise
        self._bus.acknowledged.round_ended(well=True)
        return taken

    def _round(self, wait_s: float) -> int:
        received = self._poll(wait_s)
        if received:
            try:
                self._take_in(received)
            except BaseException:
                # Whatever was polled but not committed has to come again, should this process go on.
                self._rewind_quietly()
                raise
            failpoints.reach("before_offset_commit")
            self._require_consumer().commit()
        if self._service.tick is not None and self._is_due():
            self._run_tick(self._service.tick)
        if self._publishes:
            self._outbox.publish()
        self._forget_old()
        return len(received)

    def _is_due(self) -> bool:
        if self._tick_at_s is not None and self._elapsed_s() < self._tick_at_s:
            return False
        return self._may_be_due or (self._due_at is not None and self._clock.now() >= self._due_at)

    def quiet_s(self, longest_s: float, shortest_s: float) -> float:
        """Return for how long [s] the loop may wait for a message, within bounds.

        With a tick that is until it is due: a clock may stand, and then it comes later, but it never runs ahead of its
        rate. Without one others fill the outbox, and that waits no longer on a clock that runs faster.
        """
        if self._service.tick is None:
            return max(shortest_s, longest_s / max(1.0, self._clock.rate))
        if self._tick_at_s is not None or (self._due_at is None and not self._may_be_due):
            return longest_s
        if self._may_be_due or self._due_at is None:
            return shortest_s
        until_due_s = (self._due_at - self._clock.shown()).total_seconds() / self._clock.rate
        return min(longest_s, max(shortest_s, until_due_s))

    @property
    def reads_nothing(self) -> bool:
        """Say whether no message is ever waited for."""
        return not self._service.handlers

    @property
    def held_up(self) -> bool:
        """Say whether the last tick had to be undone: time does not pass for this service until one succeeds."""
        return self._tick_at_s is not None

    def joined(self) -> bool:
        """Say whether the service takes part: it has its partitions, or reads nothing."""
        return self.reads_nothing or (self._consumer is not None and self._consumer.joined())

    def close(self) -> None:
        """Let go of the bus. What was not finished is taken up again at the next start."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        if self._publishes:
            self._outbox.close()

    def _poll(self, wait_s: float) -> Sequence[Received]:
        if self.reads_nothing:
            if self._publishes:
                self._outbox.connect()
            return []
        return self._require_consumer().poll(wait_s)

    def _take_in(self, received: Sequence[Received]) -> None:
        try:
            self._handle_committed(received)
        except SETTING_ASIDE:
            # One of them is bad: take them one at a time, so that only that one is set aside.
            for one in received:
                self._take_in_one(one)

    def _take_in_one(self, one: Received) -> None:
        try:
            self._handle_committed([one])
        except SETTING_ASIDE as reason:
            logger.error(  # noqa: TRY400 -- the reason is the whole story, a trace would add nothing
                "message set aside",
                extra={"topic": one.message.topic, "offset": one.offset, "reason": str(reason)},
            )
            with self._begin() as db:
                self._set_aside(one, str(reason), db)
                messaging.mark_consumed(db, _next_offsets([one]))
            self._metrics.count(metrics.SET_ASIDE)

    def _handle_committed(self, received: Sequence[Received]) -> None:
        decoded = [decode(one.message) for one in received]
        served = {envelope.event_id: envelope for envelope in decoded if self._serves(envelope.event)}
        passed_over = [envelope.event for envelope in decoded if not self._serves(envelope.event)]
        took_s: list[tuple[str, int, float]] = []
        if served:
            with self._begin() as db:
                took_s = self._handle(served, db)
                messaging.mark_consumed(db, _next_offsets(received))
                failpoints.reach("before_database_commit")
            self._may_be_due = True
        for kind, length, seconds in took_s:
            self._metrics.count(metrics.MESSAGES, length, type=kind)
            self._metrics.count(metrics.HANDLER_SECONDS, seconds, type=kind)
            self._metrics.observe(metrics.HANDLER_DURATION, seconds, type=kind)
        for event in passed_over:
            self._metrics.count(metrics.PASSED_OVER, type=event.event_type())

    def _serves(self, event: Event) -> bool:
        # A dead letter tells of a message that may not say whose it is: whoever reads letters gets them all.
        return event.complex_id in self._service.complexes or isinstance(event, MessageSetAside)

    def _handle(self, served: Mapping[uuid.UUID, Envelope[Event]], db: Connection) -> list[tuple[str, int, float]]:
        """Handle what is new in one transaction; return each run's type and length, and how long its handler took."""
        took_s: list[tuple[str, int, float]] = []
        now = self._clock.now()
        remembered = [event_id for event_id, envelope in served.items() if not self._is_absolute(envelope.event)]
        taken = messaging.already_taken(db, remembered)
        fresh = [envelope for event_id, envelope in served.items() if event_id not in taken]
        for kind, envelopes in groupby(fresh, key=lambda envelope: type(envelope.event)):
            handler, run = self._handlers.get(kind), list(envelopes)
            if handler is not None:
                begun_s = self._elapsed_s()
                self._emit(db, handler.take(run, db), now)
                took_s.append((kind.event_type(), len(run), self._elapsed_s() - begun_s))
        if fresh:
            newest = max(envelope.occurred_at for envelope in fresh)
            self._metrics.show(metrics.MESSAGE_AGE, (now - newest).total_seconds())
        messaging.mark_taken(db, [event_id for event_id in remembered if event_id not in taken], now=now)
        return took_s

    def _is_absolute(self, event: Event) -> bool:
        handler = self._handlers.get(type(event))
        return handler is not None and handler.absolute

    def _run_tick(self, tick: Tick) -> None:
        now, begun_s = self._clock.now(), self._elapsed_s()
        try:
            with self._begin() as db:
                self._emit(db, [Caused(self._due(event, now), event) for event in tick(now, db)], now, repeats=True)
                due_at = self._service.next_due(now, db)
        except EventTooLarge as reason:
            # There is no message to set aside, and a restart would meet the same: consumption goes on, and the
            # heartbeat is withheld, since a person has to look.
            self._tick_at_s = self._elapsed_s() + TICK_AGAIN_AFTER_S
            self._metrics.count(metrics.TICKS_UNDONE)
            logger.error(  # noqa: TRY400 -- the reason is the whole story, a trace would add nothing
                "tick undone", extra={"reason": str(reason), "again_after_s": TICK_AGAIN_AFTER_S}
            )
            return
        self._tick_at_s = None
        self._may_be_due, self._due_at = due_at is not None and due_at <= now, due_at
        self._metrics.count(metrics.TICKS)
        took_s = self._elapsed_s() - begun_s
        self._metrics.count(metrics.TICK_SECONDS, took_s)
        self._metrics.observe(metrics.TICK_DURATION, took_s)

    def _due(self, event: Event, now: datetime) -> uuid.UUID:
        """Return what stands for the cause of an event that time led to: the same wherever the same came due."""
        return named_id("due", self._service.name, event.complex_id, now.isoformat(), event.model_dump_json())

    def _emit(self, db: Connection, made: Sequence[Caused], now: datetime, *, repeats: bool = False) -> None:
        """Put events into the outbox, each under an id that its cause and its place among the cause's events give.

        Where a cause may repeat itself, as time does on a clock that stands, what still waits there is passed over.
        """
        places: Counter[uuid.UUID] = Counter()
        envelopes = []
        for caused in made:
            event_id = derived_id(caused.cause, places[caused.cause], caused.event.event_type())
            places[caused.cause] += 1
            envelopes.append(Envelope(event_id, now, self._service.name, caused.event))
        if repeats and envelopes:
            waiting = messaging.waiting(db, [envelope.event_id for envelope in envelopes])
            envelopes = [envelope for envelope in envelopes if envelope.event_id not in waiting]
        messaging.emit(db, self._service.name, envelopes)

    def _set_aside(self, one: Received, reason: str, db: Connection) -> None:
        place = (one.message.topic, one.partition, one.offset)
        marker = named_id("set-aside", self._service.name, *place)
        if messaging.already_taken(db, [marker]):
            return
        now = self._clock.now()
        messaging.mark_taken(db, [marker], now=now)
        letter_id = named_id("dead-letter", self._service.name, *place)
        letter = _dead_letter(one, service=self._service.name, reason=reason, now=now)
        envelope = Envelope(event_id=letter_id, occurred_at=now, source=self._service.name, event=letter)
        messaging.emit(db, self._service.name, [envelope])

    def _forget_old(self) -> None:
        if self._elapsed_s() < self._forget_at_s:
            return
        with self._begin() as db:
            more = messaging.forget_old(db, now=self._clock.now())
        if not more:
            self._forget_at_s = self._elapsed_s() + FORGET_EVERY_S

    def _require_consumer(self) -> Consumer:
        if self._consumer is None:
            topics = [topic.name for topic in topics_read_by(self._service.name)]
            self._consumer = self._bus.consumer(self._service.name, topics, self._consumed)
        return self._consumer

    def _consumed(self) -> Mapping[tuple[str, int], int]:
        with reading(self._engine) as db:
            return messaging.consumed(db)

    def _rewind_quietly(self) -> None:
        # Where the broker is away as well, the consumer begins anew at the committed offsets anyway.
        with contextlib.suppress(BusUnavailable):
            self._require_consumer().rewind()


def _next_offsets(received: Sequence[Received]) -> dict[tuple[str, int], int]:
    """Return where each partition goes on after some of its messages, which stand in the order of their offsets."""
    return {(one.message.topic, one.partition): one.offset + 1 for one in received}


def _dead_letter(one: Received, *, service: str, reason: str, now: datetime) -> MessageSetAside:
    message = one.message
    return MessageSetAside(
        complex_id=_claimed_complex(message),
        service=service,
        topic=message.topic,
        partition=one.partition,
        offset=one.offset,
        key=_cut(message.key),
        reason=_cut(reason),
        set_aside_at=now,
        headers=tuple(
            (_cut(name), _cut(content.decode(errors="replace")))
            for name, content in message.headers[:LETTER_HEADERS_MAX]
        ),
        body_base64=base64.b64encode(message.body[:LETTER_BODY_BYTES_MAX]).decode(),
    )


def _claimed_complex(message: Message) -> str:
    subject = dict(message.headers).get("ce_subject", b"").decode(errors="replace")
    return subject if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", subject) else UNKNOWN_COMPLEX


def _cut(text: str) -> str:
    return text[:LETTER_TEXT_CHARACTERS_MAX].encode(errors="replace").decode()


SETTING_ASIDE = (RuleBroken, Undecodable, EventTooLarge)
# What is waited out: nothing is lost meanwhile, and everything goes on by itself after it.
PASSING_FAULTS = (BusUnavailable, ClockStepped, *DATABASE_FAULTS)
