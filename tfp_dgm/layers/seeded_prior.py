"""Priors whose weights are drawn from a seed."""

from collections.abc import Iterator
from typing import Any

import keras

from tfp_dgm.layers.prior import Prior


class SeededPrior(Prior):
    """A distribution whose parameters are weights of the layer, the same for every event.

    Features are ignored: batch shape [], which broadcasts. States or symbols that begin equal would
    stay so: weights are drawn.

    Args:
      units: size of the event.
      seed: int, of which the weights are drawn at first; None draws one.
      **kwargs: see `DistributionLayer`.
    """

    instead = "Give it as the `likelihood` of a `models.ExactLikelihoodModel`."

    def __init__(self, units: int, *, seed: int | None, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.seed = seed

    def restart(self, seed: int) -> None:
        """Draws the weights anew, as a layer of this `seed` begins."""
        for name, shape, initializer in self._first_values(seed):
            getattr(self, name).assign(initializer(shape))

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        """Weight -> its shape, and the standard deviation of its first values around 0."""
        raise NotImplementedError

    def _first_values(self, seed: int | None) -> Iterator[tuple[str, tuple[int, ...], Any]]:
        shapes = self._shapes()
        for index, (name, (shape, stddev)) in enumerate(shapes.items()):
            own = None if seed is None else seed * len(shapes) + index
            yield name, shape, keras.initializers.RandomNormal(stddev=stddev, seed=own)

    def _add_weights(self) -> None:
        for name, shape, initializer in self._first_values(self.seed):
            setattr(self, name, self.add_weight(shape=shape, initializer=initializer, name=name))
