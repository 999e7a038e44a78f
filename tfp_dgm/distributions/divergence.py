"""KL(posterior || prior), in closed form where there is one."""

from collections.abc import Callable

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.factors import independent_factors


@capability
def divergence(
    posterior: tfd.Distribution, prior: tfd.Distribution, estimate: Callable[[], tf.Tensor]
) -> tf.Tensor:
    """KL(q(z | x) || p(z)), [B]; its estimate from draws where no closed form is registered.

    (`tfd.RegisterKL` registers one of a pair of families.) Of one object for both, it is 0.

    Args:
      posterior: batch shape [B].
      prior: batch shape [B] or [].
      estimate: () -> [B]; the mean of log q(z | x) - log p(z) of draws z from q.
    """
    if posterior is prior:
        return tf.zeros(posterior.batch_shape_tensor(), tf.float32)
    try:
        return tfd.kl_divergence(posterior, prior)
    except NotImplementedError:
        return estimate()


@divergence.register(tfd.JointDistribution)
def _(
    posterior: tfd.JointDistribution, prior: tfd.Distribution, estimate: Callable[[], tf.Tensor]
) -> tf.Tensor:
    # TFP's closed form of joint distributions is for independent layers only, and raises else.
    return estimate()


def divergence_per_factor(posterior: tfd.Distribution, prior: tfd.Distribution) -> tf.Tensor:
    """KL(q(z_i | x) || p(z_i)) of each independent variable of the latent, [B, ...].

    Raises:
      ValueError: if either is no product of distributions (a Normal with diagonal covariance, or
        `tfd.Independent`), or if the pair has no closed form.
    """
    factors = [_factors("posterior", posterior), _factors("prior", prior)]
    try:
        return tfd.kl_divergence(*factors)
    except NotImplementedError:
        raise ValueError(
            "a divergence per dimension needs a closed form for the pair; there is none for "
            f"{posterior} and {prior}"
        ) from None


def _factors(name: str, distribution: tfd.Distribution) -> tfd.Distribution:
    try:
        return independent_factors(distribution)
    except ValueError as error:
        raise ValueError(
            f"a divergence per dimension needs a {name} whose dimensions are independent: {error}"
        ) from None
