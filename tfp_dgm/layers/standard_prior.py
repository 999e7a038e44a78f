"""The prior that stands where none is given: fixed, over the posterior's own space."""

from tfp_dgm.layers.discrete_latents import (
    BernoulliPrior,
    IndependentOneHotCategorical,
    OneHotCategoricalPrior,
)
from tfp_dgm.layers.independent_bernoulli import IndependentBernoulli
from tfp_dgm.layers.power_spherical import PowerSpherical, SphericalUniformPrior
from tfp_dgm.layers.prior import Prior, StandardNormalPrior
from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer


def standard_prior(posterior: ProjectedDistributionLayer) -> Prior:
    """N(0, I), or what is as plain on the sphere and over discrete values; nothing to learn.

    Args:
      posterior: the layer of q(z | x). A density may be compared with one over the same space only:
        uniform on the sphere for `PowerSpherical`, fair for `IndependentBernoulli` and
        `IndependentOneHotCategorical`, and N(0, I) over R^Z for all others.
    """
    if isinstance(posterior, PowerSpherical):
        return SphericalUniformPrior(posterior.units, name="prior")
    if isinstance(posterior, IndependentBernoulli) and len(posterior.event_shape) == 1:
        return BernoulliPrior(posterior.event_size, trainable=False, name="prior")
    if isinstance(posterior, IndependentOneHotCategorical) and len(posterior.event_shape) == 2:
        return OneHotCategoricalPrior(*posterior.event_shape, trainable=False, name="prior")
    return StandardNormalPrior(posterior.event_size, name="prior")
