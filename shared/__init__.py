"""The contracts of Sandan: quantities, intervals, events, and what carries them. It knows no service."""
