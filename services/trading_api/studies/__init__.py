"""What-if studies."""
