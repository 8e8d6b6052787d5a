"""A site's metered past on a regular grid, and which of it can be believed."""
