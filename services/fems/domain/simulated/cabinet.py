"""How warm the cabinet of an inverter or converter is: the air outdoors, and what its own losses add to it."""

from math import exp

# Assumptions of the simulation, as makers state the permitted air (some -20 to 50 C) and no rise: a cabinet's fans hold
# it so much above outdoors while it loses what it does at its rating, and it takes so long to 63 % of a change.
RISE_AT_RATED_LOSS_K = 20.0
TIME_CONSTANT_S = 600.0


def cabinet_c(air_c: float, *, warmth_before: float, warmth: float, elapsed_s: float) -> float:
    """Return the temperature of a cabinet's air some time into an interval.

    Args:
        air_c: The air outdoors.
        warmth_before: The losses of the interval before, as a part of those at the rating; the cabinet had settled.
        warmth: The losses of this interval so far, as the same part.
        elapsed_s: How long the interval runs.

    Source:
        Newton's law of cooling: what is above outdoors nears, exponentially, what the present losses hold.
    """
    share = warmth + (warmth_before - warmth) * exp(-elapsed_s / TIME_CONSTANT_S)
    return air_c + RISE_AT_RATED_LOSS_K * share
