"""Normalizing flows by networks of the layer's own, on top of another posterior layer."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from tfp_dgm.layers.flow_networks import (
    autoregressive_bijector,
    autoregressive_networks,
    continuous_bijector,
    coupling_bijectors,
    coupling_networks,
    velocity_networks,
)
from tfp_dgm.layers.normalizing_flow import NormalizingFlowLayer
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


class NetworkFlowLayer(NormalizingFlowLayer):
    """What the flows below share: a network for each flow, and a context of the features."""

    def __init__(
        self,
        base: VectorDistributionLayer,
        *,
        num_flows: int,
        hidden_units: Sequence[int],
        context_units: int,
        **kwargs: Any,
    ) -> None:
        if context_units < 1:
            raise ValueError(
                f"{type(self).__name__}: `context_units` must be >= 1; received {context_units}"
            )
        self.context_units = context_units
        super().__init__(base, num_flows=num_flows, **kwargs)
        self.hidden_units = tuple(hidden_units)
        self.networks = self._networks()

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

    def _networks(self) -> list[Any]:
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="tfp_dgm")
class InverseAutoregressiveFlow(NetworkFlowLayer):
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
        super().__init__(
            base,
            num_flows=num_flows,
            hidden_units=hidden_units,
            context_units=context_units,
            **kwargs,
        )

    def _networks(self) -> list[Any]:
        return autoregressive_networks(
            self.units,
            self.num_flows,
            self.hidden_units,
            self.context_units,
            trainable=self.trainable,
        )

    def _flows(self, parameters: tf.Tensor) -> list[tfb.Bijector]:
        return [autoregressive_bijector(network, parameters) for network in self.networks]


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SplineCouplingFlow(NetworkFlowLayer):
    """Neural spline flows [1] on top of a posterior layer, with a context of the features.

        z_k = (z_a, spline(z_b)),    the spline's knots = network_k(z_a, context),    z = z_{k-1}

    Halves of the dimensions take turns. Draws, their densities and the density of a given point all
    take one pass. See `distributions.SplineCoupling` for the spline.

    Args:
      base: distribution layer over R^Z, such as `MultivariateNormalDiag(Z)`.
      num_flows: number of couplings; two, at least, to move every dimension.
      hidden_units: widths of the hidden layers of each network.
      context_units: size of the context.
      num_bins: of a spline; each dimension that moves takes 3 K - 1 numbers.
      bound: B; outside of [-B, B] a dimension stays where it is.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Durkan, Bekasov, Murray and Papamakarios. Neural Spline Flows. NeurIPS 2019.
        arXiv:1906.04032
    """

    def __init__(
        self,
        base: VectorDistributionLayer,
        *,
        num_flows: int = 2,
        hidden_units: Sequence[int] = (64,),
        context_units: int = 32,
        num_bins: int = 8,
        bound: float = 5.0,
        **kwargs: Any,
    ) -> None:
        check_spline("SplineCouplingFlow", num_bins, bound)
        self.num_bins = num_bins
        self.bound = bound
        super().__init__(
            base,
            num_flows=num_flows,
            hidden_units=hidden_units,
            context_units=context_units,
            **kwargs,
        )

    def _networks(self) -> list[Any]:
        return coupling_networks(
            self.units,
            self.num_flows,
            self.hidden_units,
            self.num_bins,
            self.context_units,
            trainable=self.trainable,
        )

    def _flows(self, parameters: tf.Tensor) -> list[tfb.Bijector]:
        return list(coupling_bijectors(self.networks, self.bound, parameters))


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ContinuousFlow(NetworkFlowLayer):
    """Continuous flows [1] on top of a posterior layer, with a context of the features.

        dz/dt = network(z, t, context),    z(0) ~ base(features),    the latent is z(1)

    An adaptive solver moves draws and, backwards, given points; see `distributions.Continuous`.
    The divergence of the network's motion is exact, where FFJORD [2] estimates it: networks have
    one or two hidden layers, whose divergence costs what the network costs.

    Args:
      base: distribution layer over R^Z, such as `MultivariateNormalDiag(Z)`.
      num_flows: number of networks, whose times follow one another.
      hidden_units: widths of the one or two hidden layers of each.
      context_units: size of the context.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Chen, Rubanova, Bettencourt and Duvenaud. Neural Ordinary Differential Equations. NeurIPS
        2018. arXiv:1806.07366
      [2] Grathwohl et al. FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative
        Models. ICLR 2019. arXiv:1810.01367
    """

    def __init__(
        self,
        base: VectorDistributionLayer,
        *,
        num_flows: int = 1,
        hidden_units: Sequence[int] = (64,),
        context_units: int = 32,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            base,
            num_flows=num_flows,
            hidden_units=hidden_units,
            context_units=context_units,
            **kwargs,
        )

    def _networks(self) -> list[Any]:
        return velocity_networks(
            self.units,
            self.num_flows,
            self.hidden_units,
            self.context_units,
            trainable=self.trainable,
        )

    def _flows(self, parameters: tf.Tensor) -> list[tfb.Bijector]:
        return [continuous_bijector(network, parameters) for network in self.networks]


def check_spline(name: str, num_bins: int, bound: float) -> None:
    """Refuses splines that are none.

    Raises:
      ValueError: if there are less than 2 bins, or the bound is not above 0.
    """
    if num_bins < 2:
        raise ValueError(f"{name}: `num_bins` must be >= 2; received {num_bins}")
    if not bound > 0.0:
        raise ValueError(f"{name}: `bound` must be above 0; received {bound}")
