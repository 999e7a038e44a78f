"""What layers of hidden structures over vectors have in common."""

from typing import Any

import numpy as np

from tfp_dgm.layers.constraints import FRAMES, Constraint
from tfp_dgm.layers.covariances import ScaleWeights
from tfp_dgm.layers.hidden_markov_layer import HiddenMarkovLayer


class OverVectors(HiddenMarkovLayer):
    """A layer over sequences of vectors in R^D, each from a Normal that a hidden state has chosen.

    Subclasses have the weights `loc` and `scale_weights`.
    """

    def __init__(
        self,
        units: int,
        num_states: int,
        num_steps: int,
        *,
        full_covariance: bool,
        min_scale: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, num_states, seed=seed, **kwargs)
        self._require_positive("num_steps", num_steps)
        if min_scale <= 0:
            raise ValueError(
                f"{type(self).__name__}: `min_scale` must be > 0; received {min_scale}"
            )
        self.num_steps = num_steps
        self.full_covariance = full_covariance
        self.min_scale = min_scale
        self._scales = ScaleWeights(units, full_covariance, min_scale)

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        return (None, self.units)

    @property
    def support(self) -> Constraint:
        return FRAMES

    def assign_normals(self, loc: np.ndarray, covariance: np.ndarray) -> None:
        """Sets means, and covariances (of diagonal ones, the variances) brought above the limit.

        Args:
          loc: as the weight.
          covariance: [..., D, D] or [..., D], with the leading axes of the weight.
        """
        self.loc.assign(loc)
        self.scale_weights.assign(self._scales.weights(covariance))
