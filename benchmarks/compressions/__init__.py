"""Captions compressed: the data, and how models of them are made and trained."""
