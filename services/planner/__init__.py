"""What-if studies: what a metered day would have cost with other batteries, more solar or another tariff."""
