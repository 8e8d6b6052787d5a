"""ESS scheduling: the least-cost plan of a site's battery, explained and checked."""
