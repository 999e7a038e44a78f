"""Invertible projections of what is observed, before a distribution over vectors."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import FINITE, FRAMES, Constraint
from tfp_dgm.layers.distribution_layer import DistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ProjectedObservations(DistributionLayer):
    """Vectors whose projection f a distribution layer has written: a flow before structure [1].

    See `distributions.ProjectedObservations` for the density. f is a chain of coupling layers:
    each leaves half of a vector as it is, and moves the other half by what a network says of the
    first; halves take turns.

        additive (NICE [2], which keeps volumes):  y = (x_a, x_b + shift(x_a))
        affine (real NVP [3]):                     y = (x_a, x_b exp(log_scale(x_a)) + shift(x_a))

    At first f is the identity, so that a base that was fitted to the vectors themselves (by
    `training.fit_em`, say) is where training begins, as in [1].

    Args:
      base: distribution layer over vectors [D] or sequences of them [T, D].
      num_couplings: two, at least, to move every dimension.
      hidden_units: widths of the hidden layers of each network.
      volume_preserving: additive couplings, as in [1]; else affine ones. Where volumes may change,
        a density also gains by shrinking them.
      **kwargs: see `DistributionLayer`.
    Raises:
      TypeError: if the base is no such layer.
      ValueError: if it is over other events, or a number is out of its range.
    References:
      [1] He, Neubig and Berg-Kirkpatrick. Unsupervised Learning of Syntactic Structure with
        Invertible Neural Projections. EMNLP 2018. arXiv:1808.09111
      [2] Dinh, Krueger and Bengio. NICE: Non-linear Independent Components Estimation. 2014.
        arXiv:1410.8516
      [3] Dinh, Sohl-Dickstein and Bengio. Density estimation using Real NVP. ICLR 2017.
        arXiv:1605.08803
    """

    instead = "Give it as the `likelihood` of a `models.ExactLikelihoodModel`."

    def __init__(
        self,
        base: DistributionLayer,
        *,
        num_couplings: int = 4,
        hidden_units: Sequence[int] = (64,),
        volume_preserving: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(base, DistributionLayer):
            raise TypeError(
                "ProjectedObservations: `base` must be a distribution layer over vectors; received "
                f"{base!r}"
            )
        size = base.value_shape[-1] if base.value_shape else None
        if base.support not in (FINITE, FRAMES) or size is None or size < 2:
            raise ValueError(
                "ProjectedObservations: `base` must be over real vectors of at least 2 dimensions; "
                f"received {type(base).__name__}, over {base.support.description} of the shape "
                f"{base.value_shape}"
            )
        if not isinstance(num_couplings, int) or num_couplings < 2:
            raise ValueError(
                "ProjectedObservations: `num_couplings` must be an int >= 2; received "
                f"{num_couplings!r}"
            )
        self.base = base
        self.num_couplings = num_couplings
        self.hidden_units = tuple(hidden_units)
        self.volume_preserving = volume_preserving
        self._size = size
        # How many dimensions, from the first or (negative) from the last, a coupling leaves.
        self._kept = [size // 2 * (-1 if index % 2 else 1) for index in range(num_couplings)]
        self.networks = [
            self._network(size - size // 2, f"network_{index}") for index in range(num_couplings)
        ]
        self._hand_on_trainable(base)

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        return self.base.value_shape

    @property
    def support(self) -> Constraint:
        return self.base.support

    def build(self, input_shape: Any = None) -> None:
        if not self.base.built:
            self.base.build(input_shape)
        for network in self.networks:
            network.build((None, self._size // 2))
        self.built = True

    def call(self, features: tf.Tensor | None = None, training: bool = False) -> tfd.Distribution:
        if not self.built:
            self.build()
        couplings = [
            tfb.RealNVP(
                kept,
                shift_and_log_scale_fn=self._shift_and_log_scale(network),
                is_constant_jacobian=self.volume_preserving,
            )
            for kept, network in zip(self._kept, self.networks, strict=True)
        ]
        projection = tfb.Chain(couplings[::-1])  # The last of a chain acts first.
        base = self.base(features, training=training)
        return distributions.ProjectedObservations(base, projection)

    def _network(self, moved: int, name: str) -> keras.Sequential:
        common = {"dtype": "float32", "trainable": self.trainable}
        outputs = moved if self.volume_preserving else 2 * moved
        # Named, since the path of a weight must not depend on how many layers came before.
        hidden = [
            keras.layers.Dense(width, activation="relu", name=f"dense_{depth}", **common)
            for depth, width in enumerate(self.hidden_units)
        ]
        moving = keras.layers.Dense(outputs, kernel_initializer="zeros", name="moving", **common)
        return keras.Sequential([*hidden, moving], name=name, trainable=self.trainable)

    def _shift_and_log_scale(self, network: keras.Sequential) -> Any:
        def of(kept: tf.Tensor, moved: int) -> tuple[tf.Tensor, tf.Tensor | None]:
            flat = network(tf.reshape(kept, [-1, kept.shape[-1]]))
            parameters = tf.reshape(
                flat, tf.concat([tf.shape(kept)[:-1], [flat.shape[-1]]], axis=0)
            )
            if self.volume_preserving:
                return parameters, None
            return parameters[..., :moved], tf.tanh(parameters[..., moved:])  # Steps stay small.

        return of
