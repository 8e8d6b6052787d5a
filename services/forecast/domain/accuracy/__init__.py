"""How good forecasts were: scores, running sums, and what the Korean incentive would have paid."""
