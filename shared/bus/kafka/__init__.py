"""Kafka through kafka-python, which nothing else imports."""
