"""How a benchmark ends that cannot begin."""
