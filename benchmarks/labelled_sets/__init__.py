"""Labelled texts of the benchmarks of labelling."""
