"""What carries messages between services: a port, and its adapter for Kafka."""
