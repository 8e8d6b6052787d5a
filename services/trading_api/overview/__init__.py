"""What needs several features: a day at a glance, the report, participants, one auction."""
