"""What settlement does with each event: load, compute, save, emit."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.engine import Connection

from optimizers.tariff.contract import check_names, contract_of
from services.settlement.handlers import certifying, invoicing
from services.settlement.handlers.facts import SettlementHandlers
from services.settlement.store.certificates import due_certificates
from services.settlement.store.invoices import due_invoices
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.errors import BadInput, BadInputs
from shared.events.base import Event
from shared.reference.load import tariff_book
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import Service


def service(complexes: Complexes) -> Service:
    """Return the settlement of a deployment's complexes.

    Raises:
        BadInputs: The tariff does not know a participant's class, voltage or option.
    """
    problems = [problem for complex_ in complexes.values() for problem in _unknown_contracts(complex_)]
    if problems:
        raise BadInputs(problems)

    def tick(now: datetime, db: Connection) -> list[Event]:
        # An invoice tells of the certificates.
        return [*certifying.on_tick(complexes, now, db), *invoicing.on_tick(complexes, now, db)]

    def next_due(now: datetime, db: Connection) -> datetime | None:
        return now if due_certificates(db, 1) or due_invoices(db, 1) else None

    handlers = handlers_of(SettlementHandlers(complexes))
    return Service(name="settlement", complexes=complexes, handlers=handlers, tick=tick, next_due=next_due)


def _unknown_contracts(complex_: Complex) -> Iterator[BadInput]:
    for number, one in enumerate(complex_.participants):
        try:
            check_names(tariff_book(), contract_of(one.contract))
        except BadInput as problem:
            name = "tariff_class" if problem.field == "class" else problem.field
            place = f"$.participants[{number}].contract.{name}"
            yield BadInput(where=complex_.complex_id, field=place, rule=problem.rule, value=problem.value)
