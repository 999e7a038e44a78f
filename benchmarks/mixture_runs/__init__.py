"""Runs of the benchmark of mixtures."""
