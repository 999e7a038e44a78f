"""The base of layers of hidden Markov models."""

from typing import Any

from tfp_dgm.layers.seeded_prior import SeededPrior


class HiddenMarkovLayer(SeededPrior):
    """A hidden Markov model whose parameters are weights of the layer, the same for every event.

    Args:
      units: size of the event.
      num_states: K.
      seed: see `SeededPrior`.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(self, units: int, num_states: int, *, seed: int | None, **kwargs: Any) -> None:
        super().__init__(units, seed=seed, **kwargs)
        self._require_positive("num_states", num_states)
        self.num_states = num_states
