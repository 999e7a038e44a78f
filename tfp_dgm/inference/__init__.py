"""After training: decoding, refinement of posteriors, annealed importance sampling."""

from tfp_dgm.inference.counter_based import gumbel, normal, random_bits, uniform

__all__ = ["gumbel", "normal", "random_bits", "uniform"]
