"""Arguments that must be distribution layers or priors."""

from typing import Any

from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.prior import Prior


def require_distribution_layer(owner: object, name: str, value: Any) -> None:
    """Refuses what is no distribution layer.

    Args:
      owner: whose argument it is.
      name: of the argument.
      value: what came.
    Raises:
      TypeError: if it is a tensor layer, a bare distribution, or anything else.
    """
    if not isinstance(value, DistributionLayer):
        raise TypeError(
            f"{type(owner).__name__}: `{name}` must be a distribution layer, such as "
            f"layers.MultivariateNormalDiag(4) or a subclass of layers.DistributionLayer; received "
            f"{value!r}"
        )


def require_prior(owner: object, name: str, value: Any) -> None:
    """Refuses what is no prior layer.

    Args:
      owner, name, value: see `require_distribution_layer`.
    Raises:
      TypeError: if it is another Keras layer, a bare distribution, or anything else.
    """
    if not isinstance(value, Prior):
        raise TypeError(
            f"{type(owner).__name__}: `{name}` must be a prior layer, such as "
            "layers.StandardNormalPrior(4) or a subclass of layers.Prior whose `_distribution` "
            f"gives a tfd.Distribution; received {value!r}"
        )
