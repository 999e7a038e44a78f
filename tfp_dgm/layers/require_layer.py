"""Arguments that must be distribution layers of a kind."""

from typing import Any

from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer


def require_projected_layer(owner: object, name: str, value: Any) -> None:
    """Refuses what is no projected distribution layer: the owner needs its parameters.

    Args:
      owner: whose argument it is.
      name: of the argument.
      value: what came.
    Raises:
      TypeError: if it is a tensor layer, a bare distribution, or anything else.
    """
    if not isinstance(value, ProjectedDistributionLayer):
        raise TypeError(
            f"{type(owner).__name__}: `{name}` must be a distribution layer, such as "
            "layers.MultivariateNormalDiag(4) or a subclass of layers.ProjectedDistributionLayer; "
            f"received {value!r}"
        )


def require_prior(owner: object, name: str, value: Any) -> None:
    """Refuses what is no prior layer.

    Args:
      owner, name, value: see `require_projected_layer`.
    Raises:
      TypeError: if it is another Keras layer, a bare distribution, or anything else.
    """
    if not isinstance(value, Prior):
        raise TypeError(
            f"{type(owner).__name__}: `{name}` must be a prior layer, such as "
            "layers.StandardNormalPrior(4) or a subclass of layers.Prior whose `_distribution` "
            f"gives a tfd.Distribution; received {value!r}"
        )


def require_prior_of_features(owner: object, name: str, value: Any) -> None:
    """Refuses what is no distribution layer, of features or of none.

    Args:
      owner, name, value: see `require_projected_layer`.
    Raises:
      TypeError: likewise.
    """
    if not isinstance(value, DistributionLayer):
        raise TypeError(
            f"{type(owner).__name__}: `{name}` must be a prior layer, such as "
            "layers.StandardNormalPrior(4), or a distribution layer of the features that it "
            f"depends on; received {value!r}"
        )
