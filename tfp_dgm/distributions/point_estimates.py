"""The one point that stands for a posterior where no noise is wanted."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.families import Independent


@capability
def point_estimate(posterior: tfd.Distribution) -> tf.Tensor:
    """The posterior's mean; of a power spherical posterior, its mean direction.

    A decoder on the unit sphere has seen no other points, and the mean of a distribution on the
    sphere lies inside: at the length kappa / (Z - 1 + kappa) for the concentration kappa. A family
    whose mean is not the point to take registers its own.

    Args:
      posterior: batch shape [...], over vectors.
    Returns:
      [..., Z].
    """
    return posterior.mean()


@point_estimate.register(tfd.PowerSpherical)
def _(posterior: tfd.PowerSpherical) -> tf.Tensor:
    return tf.convert_to_tensor(posterior.mean_direction)


@point_estimate.register(Independent)
def _(posterior: tfd.Independent) -> tf.Tensor:
    return point_estimate(posterior.distribution)
