"""Normalizing flows on top of another posterior layer."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.householder import Householder
from tfp_dgm.distributions.normalizing_flow import NormalizingFlow
from tfp_dgm.distributions.planar import Planar
from tfp_dgm.distributions.spheres import is_spherical
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


class NormalizingFlowLayer(VectorDistributionLayer):
    """What the flows below share: the parameters are the base's, then those of the flow."""

    def __init__(self, base: VectorDistributionLayer, *, num_flows: int = 4, **kwargs: Any) -> None:
        if not isinstance(base, VectorDistributionLayer):
            raise TypeError(
                f"{type(self).__name__}: `base` must be a VectorDistributionLayer; "
                f"received {base!r}"
            )
        if num_flows < 1:
            raise ValueError(
                f"{type(self).__name__}: `num_flows` must be >= 1; received {num_flows}"
            )
        self.base = base
        self.num_flows = num_flows
        super().__init__(base.units, **kwargs)
        self._hand_on_trainable(base)

    @property
    def parameter_size(self) -> int:
        return self.base.parameter_size + self.projection_size

    @property
    def distribution_has_weights(self) -> bool:
        return self.base.distribution_has_weights

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.base.built:
            self.base.build(input_shape)
        super().build(input_shape)

    def _parameters(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        base = self.base.parameters(features, training)
        return tf.concat([base, self.projection(features)], axis=-1)

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        size = self.base.parameter_size
        base = self.base.distribution(parameters[..., :size])
        continuous = base.reparameterization_type == tfd.FULLY_REPARAMETERIZED
        if not continuous or is_spherical(base):
            raise ValueError(
                f"{type(self).__name__}: `base` must have a density over R^{self.units}; received "
                f"{type(self.base).__name__}, whose values are "
                f"{'on the sphere' if continuous else 'discrete'}"
            )
        flows = self._flows(parameters[..., size:])
        return NormalizingFlow(base, tfb.Chain(flows[::-1]))  # The last of a chain acts first.

    def _flows(self, parameters: tf.Tensor) -> list[tfb.Bijector]:
        """The flows in the order in which they act."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="tfp_dgm")
class PlanarFlow(NormalizingFlowLayer):
    """Planar flows [1] on top of a posterior layer, their parameters amortised: u, w, b of each.

        z_k = z_{k-1} + v_k tanh(w_k . z_{k-1} + b_k),    z_0 ~ base(features)

    See `distributions.Planar` for v.

    Args:
      base: distribution layer over R^Z, such as `MultivariateNormalDiag(Z)`.
      num_flows: each takes 2 Z + 1 parameters.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Rezende and Mohamed. Variational Inference with Normalizing Flows. ICML 2015.
        arXiv:1505.05770
    """

    @property
    def projection_size(self) -> int:
        return self.num_flows * (2 * self.base.units + 1)

    def _flows(self, parameters: tf.Tensor) -> list[tfb.Bijector]:
        sizes = [self.units, self.units, 1] * self.num_flows
        parts = iter(tf.split(parameters, sizes, axis=-1))
        return [Planar(u, w, b[..., 0]) for u, w, b in zip(parts, parts, parts, strict=True)]


@keras.saving.register_keras_serializable(package="tfp_dgm")
class HouseholderFlow(NormalizingFlowLayer):
    """Householder flows [1] on top of a posterior layer, their vectors amortised.

        z_k = z_{k-1} - 2 v_k (v_k . z_{k-1}) / |v_k|^2,    z_0 ~ base(features)

    Of a diagonal Normal they make one with a full covariance, of Z numbers a flow; its mean is
    exact. In [1] each vector is a linear map of the one before it, and the first one of the
    features: all are linear maps of the features, as here.

    Args:
      base: distribution layer over R^Z, such as `MultivariateNormalDiag(Z)`.
      num_flows: each takes Z parameters; Z of them make any rotation.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Tomczak and Welling. Improving Variational Auto-Encoders using Householder Flow. 2016.
        arXiv:1611.09630
    """

    @property
    def projection_size(self) -> int:
        return self.num_flows * self.base.units

    def _flows(self, parameters: tf.Tensor) -> list[tfb.Bijector]:
        return [Householder(v) for v in tf.split(parameters, self.num_flows, axis=-1)]
