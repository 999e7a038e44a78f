"""Corpora of the benchmark of topics."""
