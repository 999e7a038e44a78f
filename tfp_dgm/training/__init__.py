"""Schedules and callbacks."""

from tfp_dgm.training.kl_warmup import LinearKLWarmup

__all__ = ["LinearKLWarmup"]
