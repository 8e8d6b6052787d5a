"""Who may sell how much to whom under a legal mode, and which rule says so. Pure."""

from optimizers.legal.checks import Deal, Flows, Law, Trader, Verdict, check_period, law_of, refusal

__all__ = ["Deal", "Flows", "Law", "Trader", "Verdict", "check_period", "law_of", "refusal"]
