"""The gateway to the field: polls devices over Modbus TCP, commands converters, can't tell simulated from real."""
