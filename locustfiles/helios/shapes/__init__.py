"""How many visitors there are over time."""
