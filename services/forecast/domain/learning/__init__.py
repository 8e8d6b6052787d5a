"""Models learned from past issues: samples, trees, quantile ranges, all sites of a kind together."""
