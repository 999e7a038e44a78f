"""Strings <-> tokens, as layers that run in the graph."""

from tfp_dgm.text.tf_idf import TfIdf
from tfp_dgm.text.word_counts import WordCounts, words

__all__ = ["TfIdf", "WordCounts", "words"]
