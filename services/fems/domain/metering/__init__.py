"""From a meter's counters to intervals and minutes of energy, and whether they are plausible."""
