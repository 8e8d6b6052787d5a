"""What the planner does: keep metered days, work off the studies one after another, say what came out."""

from services.planner.handlers.cluster import ADDRESS_PATTERN, Cluster, WorkLost
from services.planner.handlers.days import site_days
from services.planner.handlers.studies import results_of, service

__all__ = ["ADDRESS_PATTERN", "Cluster", "WorkLost", "results_of", "service", "site_days"]
