"""What carries messages between services: one port, two adapters (Kafka, and memory for tests)."""
