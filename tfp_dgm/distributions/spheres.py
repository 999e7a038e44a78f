"""Whether a distribution is over the unit sphere."""

from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.families import Mixture


@capability
def is_spherical(distribution: tfd.Distribution) -> bool:
    """Whether all draws are vectors of length 1; a family of which that is so registers it."""
    return False


@is_spherical.register(tfd.PowerSpherical)
@is_spherical.register(tfd.SphericalUniform)
def _(distribution: tfd.Distribution) -> bool:
    return True


@is_spherical.register(Mixture)
def _(distribution: tfd.MixtureSameFamily) -> bool:
    return is_spherical(distribution.components_distribution)
