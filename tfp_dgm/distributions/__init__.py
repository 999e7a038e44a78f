"""Families that `tfd` lacks: pure `tfd.Distribution` classes, which know nothing of Keras."""

from tfp_dgm.distributions.bag_of_words import BagOfWords

__all__ = ["BagOfWords"]
