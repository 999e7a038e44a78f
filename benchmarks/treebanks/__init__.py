"""Treebanks that benchmarks read: sentences with the trees that people drew."""
