"""The prior that stands where none is given: fixed, over the posterior's own space."""

import functools

from tfp_dgm.layers.categorical import Categorical
from tfp_dgm.layers.dirichlet import Dirichlet, DirichletPrior
from tfp_dgm.layers.discrete_latents import (
    BernoulliPrior,
    IndependentOneHotCategorical,
    OneHotCategoricalPrior,
)
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.independent_bernoulli import IndependentBernoulli
from tfp_dgm.layers.multivariate_normal import MultivariateNormalDiag, MultivariateNormalTriL
from tfp_dgm.layers.normalizing_flow import NormalizingFlowLayer
from tfp_dgm.layers.power_spherical import PowerSpherical, SphericalUniformPrior
from tfp_dgm.layers.prior import CategoricalPrior, Prior, StandardNormalPrior
from tfp_dgm.layers.vector_quantizer import VectorQuantizer
from tfp_dgm.layers.without_density import PointMass


@functools.singledispatch
def standard_prior(posterior: DistributionLayer) -> Prior:
    """N(0, I), or what is as plain on the sphere and over discrete values; nothing to learn.

    Args:
      posterior: the layer of q(z | x). A density may be compared with one over the same space only:
        N(0, I) over R^Z for Normals and flows, uniform on the sphere for `PowerSpherical`, fair for
        discrete latents. A class of another kind registers its own.
    Raises:
      ValueError: if there is none.
    """
    kind = type(posterior).__name__
    raise ValueError(
        f"standard_prior: expected a posterior with a standard prior; received {kind}. Give a "
        f"`prior`, or register one: `layers.standard_prior.register({kind}, ...)`"
    )


@standard_prior.register(MultivariateNormalDiag)
@standard_prior.register(MultivariateNormalTriL)
@standard_prior.register(NormalizingFlowLayer)
@standard_prior.register(PointMass)
def _(
    posterior: MultivariateNormalDiag | MultivariateNormalTriL | NormalizingFlowLayer | PointMass,
) -> Prior:
    return StandardNormalPrior(posterior.units, name="prior")


@standard_prior.register(PowerSpherical)
def _(posterior: PowerSpherical) -> Prior:
    return SphericalUniformPrior(posterior.units, name="prior")


@standard_prior.register(Categorical)
def _(posterior: Categorical) -> Prior:
    return CategoricalPrior(posterior.units, trainable=False, name="prior")


@standard_prior.register(Dirichlet)
def _(posterior: Dirichlet) -> Prior:
    return DirichletPrior(posterior.units, trainable=False, name="prior")


@standard_prior.register(IndependentBernoulli)
def _(posterior: IndependentBernoulli) -> Prior:
    _require_rank(posterior.event_shape, 1)
    return BernoulliPrior(posterior.event_size, trainable=False, name="prior")


@standard_prior.register(IndependentOneHotCategorical)
def _(posterior: IndependentOneHotCategorical) -> Prior:
    _require_rank(posterior.event_shape, 2)
    return OneHotCategoricalPrior(*posterior.event_shape, trainable=False, name="prior")


@standard_prior.register(VectorQuantizer)
def _(posterior: VectorQuantizer) -> Prior:
    return OneHotCategoricalPrior(*posterior.event_shape, trainable=False, name="prior")


def _require_rank(shape: tuple[int, ...], rank: int) -> None:
    if len(shape) != rank:
        raise ValueError(
            f"standard_prior: expected a posterior over events of {rank} axes; received one over "
            f"{shape}. Give a `prior`"
        )
