"""Pure calculations of the planner: scenarios, a site's day under each, and their sums."""
