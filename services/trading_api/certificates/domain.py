"""The parts of a participant's interval in certificates."""

from typing import Final

# What a participant's interval says of certificates, as the fields of the event are called.
CERTIFIED_ENERGY: Final = (
    "consumption_wh",
    "issued_wh",
    "reissued_wh",
    "received_wh",
    "passed_on_wh",
    "claimed_wh",
    "stored_wh",
    "withdrawn_wh",
)
