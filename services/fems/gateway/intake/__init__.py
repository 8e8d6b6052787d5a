"""Readings that people and other systems hand in: files, MQTT, and the rules that admit them."""
