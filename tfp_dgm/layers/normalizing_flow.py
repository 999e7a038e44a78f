"""Normalizing flows on top of another posterior layer."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.inverse_autoregressive import InverseAutoregressive
from tfp_dgm.distributions.normalizing_flow import NormalizingFlow
from tfp_dgm.distributions.planar import Planar
from tfp_dgm.distributions.spheres import is_spherical
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer
from tfp_dgm.networks.masked_autoregressive import MaskedAutoregressive


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
class InverseAutoregressiveFlow(NormalizingFlowLayer):
    """Inverse autoregressive flows [1] on top of a posterior layer, with a context of the features.

        z_k = s_k z_{k-1} + (1 - s_k) m_k,    (m_k, s_k) = network_k(z_{k-1}, context)

    The networks belong to the layer; the context is amortised. The order of the dimensions turns
    round from one flow to the next. Draws and their densities take one pass; the density of a given
    point takes Z.

    Args:
      base: distribution layer over R^Z, such as `MultivariateNormalDiag(Z)`.
      num_flows: number of autoregressive networks.
      hidden_units: widths of the hidden layers of each.
      context_units: size of the context.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Kingma et al. Improving Variational Inference with Inverse Autoregressive Flow.
        NeurIPS 2016. arXiv:1606.04934
    """

    def __init__(
        self,
        base: VectorDistributionLayer,
        *,
        num_flows: int = 2,
        hidden_units: Sequence[int] = (64,),
        context_units: int = 32,
        **kwargs: Any,
    ) -> None:
        if context_units < 1:
            raise ValueError(
                f"InverseAutoregressiveFlow: `context_units` must be >= 1; received {context_units}"
            )
        self.context_units = context_units
        super().__init__(base, num_flows=num_flows, **kwargs)
        self.hidden_units = tuple(hidden_units)
        self.networks = autoregressive_networks(
            self.units, num_flows, self.hidden_units, context_units, trainable=self.trainable
        )

    @property
    def projection_size(self) -> int:
        return self.context_units

    @property
    def distribution_has_weights(self) -> bool:
        return True  # Those of the networks.

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        for network in self.networks:
            network.build()

    def _flows(self, parameters: tf.Tensor) -> list[tfb.Bijector]:
        return [autoregressive_bijector(network, parameters) for network in self.networks]


def autoregressive_networks(
    dimensions: int,
    num_flows: int,
    hidden_units: Sequence[int],
    context_size: int = 0,
    *,
    trainable: bool = True,
) -> list[MaskedAutoregressive]:
    """One network for each flow, their orders of the dimensions alternating."""
    return [
        MaskedAutoregressive(
            dimensions,
            2,
            units=hidden_units,
            reverse=index % 2 == 1,
            context_size=context_size,
            trainable=trainable,
            dtype="float32",
            name=f"network_{index}",
        )
        for index in range(num_flows)
    ]


def autoregressive_bijector(
    network: MaskedAutoregressive, context: tf.Tensor | None = None
) -> InverseAutoregressive:
    """The bijector whose parameters are the network's weights, as they are now."""
    weights = [tf.convert_to_tensor(weight) for weight in network.weights]
    return InverseAutoregressive(network.apply, weights, context, reverse=network.reverse)
