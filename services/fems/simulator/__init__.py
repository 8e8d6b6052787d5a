"""The simulated devices of every complex, in a process of their own, behind Modbus TCP like real ones."""
