"""An industrial complex as its file describes it: who takes part, with which devices, under which rules."""
