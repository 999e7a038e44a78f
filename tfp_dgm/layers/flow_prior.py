"""Priors learned as normalizing flows."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.distributions.normalizing_flow import NormalizingFlow
from tfp_dgm.layers.flow_networks import (
    autoregressive_bijector,
    autoregressive_networks,
    continuous_bijector,
    coupling_bijectors,
    coupling_networks,
    velocity_networks,
)
from tfp_dgm.layers.network_flow import check_spline
from tfp_dgm.layers.prior import Prior


class FlowPrior(Prior):
    """What the priors below share: a network for each flow from N(0, I) over R^Z."""

    def __init__(
        self, units: int, *, num_flows: int, hidden_units: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        if num_flows < 1:
            raise ValueError(
                f"{type(self).__name__}: `num_flows` must be >= 1; received {num_flows}"
            )
        self.num_flows = num_flows
        self.hidden_units = tuple(hidden_units)
        self.networks = self._networks()

    def _add_weights(self) -> None:
        for network in self.networks:
            network.build()

    def _distribution(self) -> tfd.Distribution:
        normal = distributions.MultivariateNormalDiag(tf.zeros([self.units]), tf.ones([self.units]))
        return NormalizingFlow(normal, tfb.Chain(self._flows()))

    def _networks(self) -> list[Any]:
        raise NotImplementedError

    def _flows(self) -> list[tfb.Bijector]:
        """The flows from the latent's side: the last one acts first."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="tfp_dgm")
class AutoregressiveFlowPrior(FlowPrior):
    """Masked autoregressive flow [1] from N(0, I) over R^Z (`units` = Z).

    Its density takes one pass of each network, which is what training asks of a prior; a draw takes
    Z. Chen et al. [2] show that such a prior equals an inverse autoregressive posterior, at less
    cost in training.

    Args:
      units: Z.
      num_flows: number of autoregressive networks; the order of the dimensions alternates.
      hidden_units: widths of the hidden layers of each.
      **kwargs: see `Prior`.
    References:
      [1] Papamakarios, Pavlakou and Murray. Masked Autoregressive Flow for Density Estimation.
        NeurIPS 2017. arXiv:1705.07057
      [2] Chen et al. Variational Lossy Autoencoder. ICLR 2017. arXiv:1611.02731
    """

    def __init__(
        self,
        units: int,
        *,
        num_flows: int = 2,
        hidden_units: Sequence[int] = (64,),
        **kwargs: Any,
    ) -> None:
        super().__init__(units, num_flows=num_flows, hidden_units=hidden_units, **kwargs)

    def _networks(self) -> list[Any]:
        return autoregressive_networks(
            self.units, self.num_flows, self.hidden_units, trainable=self.trainable
        )

    def _flows(self) -> list[tfb.Bijector]:
        return [tfb.Invert(autoregressive_bijector(network)) for network in self.networks]


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SplineCouplingFlowPrior(FlowPrior):
    """Neural spline flow [1] from N(0, I) over R^Z (`units` = Z).

    Its density and its draws take one pass of each network. See `SplineCouplingFlow`.

    Args:
      units: Z.
      num_flows: number of couplings; two, at least, to move every dimension.
      hidden_units: widths of the hidden layers of each network.
      num_bins: of a spline.
      bound: B; outside of [-B, B] a dimension stays where it is.
      **kwargs: see `Prior`.
    References:
      [1] Durkan, Bekasov, Murray and Papamakarios. Neural Spline Flows. NeurIPS 2019.
        arXiv:1906.04032
    """

    def __init__(
        self,
        units: int,
        *,
        num_flows: int = 2,
        hidden_units: Sequence[int] = (64,),
        num_bins: int = 8,
        bound: float = 5.0,
        **kwargs: Any,
    ) -> None:
        check_spline("SplineCouplingFlowPrior", num_bins, bound)
        self.num_bins = num_bins
        self.bound = bound
        super().__init__(units, num_flows=num_flows, hidden_units=hidden_units, **kwargs)

    def _networks(self) -> list[Any]:
        return coupling_networks(
            self.units,
            self.num_flows,
            self.hidden_units,
            self.num_bins,
            trainable=self.trainable,
        )

    def _flows(self) -> list[tfb.Bijector]:
        return list(coupling_bijectors(self.networks, self.bound))


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ContinuousFlowPrior(FlowPrior):
    """Continuous flow [1] from N(0, I) over R^Z (`units` = Z).

    Its density and its draws each take the solution of a differential equation. See
    `ContinuousFlow`.

    Args:
      units: Z.
      num_flows: number of networks, whose times follow one another.
      hidden_units: widths of the one or two hidden layers of each.
      **kwargs: see `Prior`.
    References:
      [1] Chen, Rubanova, Bettencourt and Duvenaud. Neural Ordinary Differential Equations. NeurIPS
        2018. arXiv:1806.07366
    """

    def __init__(
        self,
        units: int,
        *,
        num_flows: int = 1,
        hidden_units: Sequence[int] = (64,),
        **kwargs: Any,
    ) -> None:
        super().__init__(units, num_flows=num_flows, hidden_units=hidden_units, **kwargs)

    def _networks(self) -> list[Any]:
        return velocity_networks(
            self.units, self.num_flows, self.hidden_units, trainable=self.trainable
        )

    def _flows(self) -> list[tfb.Bijector]:
        return [continuous_bijector(network) for network in self.networks]
