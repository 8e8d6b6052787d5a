"""What the planner does: keep metered days, work off the studies one after another, say what came out."""

from services.planner.handlers.cluster import Cluster
from services.planner.handlers.studies import Planner
from shared.complex.complexes import Complexes
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import Service


def service(complexes: Complexes, cluster: Cluster) -> Service:
    """Return the planner of a deployment's complexes."""
    planner = Planner(complexes, cluster)
    return Service(
        name="planner",
        complexes=complexes,
        handlers=handlers_of(planner),
        tick=planner.tick,
        next_due=planner.next_due,
    )
