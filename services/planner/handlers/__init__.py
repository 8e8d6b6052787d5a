"""What the planner does: keep metered days, work off the studies one after another, say what came out."""

from services.planner.handlers.cluster import Cluster
from services.planner.handlers.studies import service

__all__ = ["Cluster", "service"]
