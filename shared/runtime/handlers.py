"""The one way in which a service says which method handles which event."""

import inspect
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from sqlalchemy.engine import Connection

from shared.events.base import Envelope, Event

Handler = Callable[[Envelope[Any], Connection], Sequence[Event]]

PREFIX = "on_"
ONE, RUN = ["envelope", "db"], ["envelopes", "db"]


@dataclass(frozen=True, slots=True)
class Caused:
    """An event that follows from one of a run's events."""

    cause: uuid.UUID
    event: Event


RunTaker = Callable[[Sequence[Envelope[Any]], Connection], Sequence[Caused]]
Method = TypeVar("Method", bound=Callable[..., object])
_ABSOLUTE = "_keeps_absolute_values"


def absolute(handler: Method) -> Method:
    """Mark a handler for which a repeat changes nothing: it keeps absolute values and checks their versions.

    The run loop then need not remember its events, which costs more than to keep them.
    """
    setattr(handler, _ABSOLUTE, True)
    return handler


@dataclass(frozen=True, slots=True)
class RunHandler:
    """What is done with a run: consecutive events of one type, in the order in which they were polled.

    Attributes:
        take: Handles them, and says which event follows from which.
        absolute: Whether the events need not be remembered, see `absolute`.
    """

    take: RunTaker
    absolute: bool = False

    def __call__(self, envelope: Envelope[Any], db: Connection) -> Sequence[Event]:
        """Handle a run of one."""
        return [caused.event for caused in self.take([envelope], db)]


def handlers_of(*owners: object) -> Mapping[type[Event], RunHandler]:
    """Return the handler of each event: every method `on_*` of the owners, by the annotation of its envelope.

    A handler has the form `on_auction_cleared(self, envelope: Envelope[AuctionCleared], db: Connection)` and returns
    the events that follow. One that is cheaper for many has the form
    `on_interval_metered(self, envelopes: Sequence[Envelope[IntervalMetered]], db: Connection)` and returns `Caused`.

    Several owners may each do their part of an event, in the order in which they are given and in one transaction;
    where one of them takes runs, each does its part for the whole run before the next.

    Raises:
        TypeError: A method `on_*` does not have this form, or an owner has two for the same event.
    """
    bound: defaultdict[type[Event], list[Callable[..., Any]]] = defaultdict(list)
    for owner in owners:
        names: dict[type[Event], str] = {}
        for name in (name for name in dir(owner) if name.startswith(PREFIX)):
            handler, full_name = getattr(owner, name), f"{type(owner).__name__}.{name}"
            event = _event_of(handler)
            if event is None:
                raise TypeError(f"{full_name} must take (envelope: Envelope[AnEvent], db: Connection)")
            if event in names:
                raise TypeError(f"{event.__name__} must have one handler, has {names[event]} and {full_name}")
            bound[event].append(handler)
            names[event] = full_name
    return {event: _as_one(handlers) for event, handlers in bound.items()}


def run_handler(handler: Handler | RunHandler) -> RunHandler:
    """Return what takes a run with a handler of single events, one after another."""
    return handler if isinstance(handler, RunHandler) else RunHandler(_singly([handler]))


def _as_one(handlers: Sequence[Callable[..., Any]]) -> RunHandler:
    """Return what does every owner's part."""
    all_absolute = all(_is_absolute(handler) for handler in handlers)
    if not any(_takes_runs(handler) for handler in handlers):
        return RunHandler(_singly(handlers), all_absolute)
    takers = [handler if _takes_runs(handler) else _singly([handler]) for handler in handlers]

    def take(envelopes: Sequence[Envelope[Any]], db: Connection) -> Sequence[Caused]:
        return [caused for taker in takers for caused in taker(envelopes, db)]

    return RunHandler(takers[0] if len(takers) == 1 else take, all_absolute)


def _singly(handlers: Sequence[Handler]) -> RunTaker:
    def take(envelopes: Sequence[Envelope[Any]], db: Connection) -> Sequence[Caused]:
        return [
            Caused(envelope.event_id, event)
            for envelope in envelopes
            for handler in handlers
            for event in handler(envelope, db)
        ]

    return take


def _is_absolute(handler: Callable[..., object]) -> bool:
    return hasattr(handler, _ABSOLUTE)


def _takes_runs(handler: Callable[..., object]) -> bool:
    return list(inspect.signature(handler).parameters) == RUN


def _event_of(handler: Callable[..., object]) -> type[Event] | None:
    """Return the event that a method's envelope, or each of its envelopes, carries; None where none is named."""
    parameters = inspect.signature(handler, eval_str=True).parameters if callable(handler) else {}
    if list(parameters) not in (ONE, RUN):
        return None
    annotation = next(iter(parameters.values())).annotation
    if list(parameters) == RUN:
        annotation = get_args(annotation)[0] if get_origin(annotation) is Sequence else None
    event = get_args(annotation)[0] if get_origin(annotation) is Envelope else None
    is_one_event = isinstance(event, type) and issubclass(event, Event) and event is not Event
    return event if is_one_event else None
