"""The one way in which a service says which method handles which event."""

import inspect
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_origin

from sqlalchemy.engine import Connection

from shared.events.base import Envelope, Event

Handler = Callable[[Envelope[Any], Connection], Sequence[Event]]

PREFIX = "on_"


def handlers_of(*owners: object) -> Mapping[type[Event], Handler]:
    """Return the handler of each event: every method `on_*` of the owners, by the annotation of its envelope.

    A handler has the form `on_auction_cleared(self, envelope: Envelope[AuctionCleared], db: Connection)` and returns
    the events that follow. Several owners may each do their part of an event, in the order in which they are given and
    in one transaction.

    Raises:
        TypeError: A method `on_*` does not have this form, or an owner has two for the same event.
    """
    bound: defaultdict[type[Event], list[Handler]] = defaultdict(list)
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
    return {
        event: handlers[0] if len(handlers) == 1 else _one_after_another(handlers) for event, handlers in bound.items()
    }


def _one_after_another(handlers: Sequence[Handler]) -> Handler:
    def handle(envelope: Envelope[Any], db: Connection) -> Sequence[Event]:
        return [event for handler in handlers for event in handler(envelope, db)]

    return handle


def _event_of(handler: Callable[..., object]) -> type[Event] | None:
    """Return the event that a method's envelope carries; None where its parameters do not say one."""
    parameters = inspect.signature(handler, eval_str=True).parameters if callable(handler) else {}
    if list(parameters) != ["envelope", "db"]:
        return None
    annotation = parameters["envelope"].annotation
    event = get_args(annotation)[0] if get_origin(annotation) is Envelope else None
    is_one_event = isinstance(event, type) and issubclass(event, Event) and event is not Event
    return event if is_one_event else None
