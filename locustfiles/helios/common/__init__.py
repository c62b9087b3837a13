"""What all personas need: the shop's operations, and small helpers."""
