"""Field devices: simulated ones over Modbus TCP (`simulator`), and the gateway to real or simulated ones."""
