"""The networks of flows, and the bijectors whose parameters are their weights as they are now."""

from collections.abc import Sequence

import tensorflow as tf

from tfp_dgm.distributions.continuous import Continuous
from tfp_dgm.distributions.inverse_autoregressive import InverseAutoregressive
from tfp_dgm.distributions.spline_coupling import SplineCoupling
from tfp_dgm.networks.coupling_network import CouplingNetwork
from tfp_dgm.networks.masked_autoregressive import MaskedAutoregressive
from tfp_dgm.networks.velocity_network import VelocityNetwork


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
    """The inverse autoregressive flow of a network."""
    weights = [tf.convert_to_tensor(weight) for weight in network.weights]
    return InverseAutoregressive(network.apply, weights, context, reverse=network.reverse)


def coupling_networks(
    dimensions: int,
    num_flows: int,
    hidden_units: Sequence[int],
    num_bins: int,
    context_size: int = 0,
    *,
    trainable: bool = True,
) -> list[CouplingNetwork]:
    """One network for each flow, which reads the half that the flow keeps."""
    kept = dimensions // 2
    return [
        CouplingNetwork(
            kept,
            dimensions - kept,
            3 * num_bins - 1,
            units=hidden_units,
            context_size=context_size,
            trainable=trainable,
            dtype="float32",
            name=f"network_{index}",
        )
        for index in range(num_flows)
    ]


def coupling_bijectors(
    networks: Sequence[CouplingNetwork], bound: float, context: tf.Tensor | None = None
) -> list[SplineCoupling]:
    """The spline couplings of networks; the halves take turns."""
    return [
        SplineCoupling(
            network.apply,
            [tf.convert_to_tensor(weight) for weight in network.weights],
            context,
            bound=bound,
            reverse=index % 2 == 1,
        )
        for index, network in enumerate(networks)
    ]


def velocity_networks(
    dimensions: int,
    num_flows: int,
    hidden_units: Sequence[int],
    context_size: int = 0,
    *,
    trainable: bool = True,
) -> list[VelocityNetwork]:
    """One network for each flow, each with a time of its own from 0 to 1."""
    return [
        VelocityNetwork(
            dimensions,
            units=hidden_units,
            context_size=context_size,
            trainable=trainable,
            dtype="float32",
            name=f"network_{index}",
        )
        for index in range(num_flows)
    ]


def continuous_bijector(network: VelocityNetwork, context: tf.Tensor | None = None) -> Continuous:
    """The continuous flow of a network."""
    return Continuous(network.velocity, network.motion_weights, network.shift(context))
