"""The `sandan` command: the one place that may import everything."""
