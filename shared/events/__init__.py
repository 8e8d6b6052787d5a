"""Events: past-tense facts, immutable, versioned; one module a producer, one table of topics."""
