"""Latents that are factorised binary variables or one-hot vectors, in one layer or in several."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.families import Independent
from tfp_dgm.distributions.no_rule import no_rule
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.event_axes import sum_over_event
from tfp_dgm.objectives.joint import Joint, Latents
from tfp_dgm.objectives.objective import Objective


def logits_of(objective: Objective, layer: tfd.Distribution) -> tuple[tf.Tensor, bool]:
    """Logits of a layer of latents, and whether they are those of one-hot vectors.

    Args:
      objective: the one that asks, for its name in the error.
      layer: `tfd.Bernoulli`, `OneHotCategorical`, or `tfd.Independent` over either.
    Returns:
      logits: [..., *event shape]; normalised, where one-hot.
      one_hot: bool.
    Raises:
      ValueError: if the distribution is another one.
    """
    try:
        return binary_logits(layer)
    except ValueError as error:
        raise ValueError(f"{type(objective).__name__}: {error}") from None


@capability
def binary_logits(distribution: tfd.Distribution) -> tuple[tf.Tensor, bool]:
    """As `logits_of`; a family of binary variables or one-hot vectors registers its rule.

    Raises:
      ValueError: if there is none.
    """
    expected = "Bernoulli or OneHotCategorical latents"
    raise ValueError(no_rule(binary_logits, expected, distribution))


@binary_logits.register(tfd.Bernoulli)
def _(distribution: tfd.Bernoulli) -> tuple[tf.Tensor, bool]:
    return distribution.logits_parameter(), False


@binary_logits.register(tfd.OneHotCategorical)
def _(distribution: tfd.OneHotCategorical) -> tuple[tf.Tensor, bool]:
    return tf.math.log_softmax(distribution.logits_parameter()), True


@binary_logits.register(Independent)
def _(distribution: tfd.Independent) -> tuple[tf.Tensor, bool]:
    return binary_logits(distribution.distribution)


def linear_log_prob(objective: Objective, distribution: tfd.Distribution, z: Latents) -> tf.Tensor:
    """log q(z), [S, B], continued linearly to values between 0 and 1.

    (The log-probability of `tfd.OneHotCategorical` passes no gradient to its argument.)

    Args:
      objective: the one that asks, for its name in errors.
      distribution: of binary or one-hot latents, in one layer or several.
      z: [S, B, ...], in the distribution's structure.
    Raises:
      ValueError: if a layer is neither Bernoulli nor one-hot.
    """
    if isinstance(distribution, tfd.JointDistribution):
        layers, _ = distribution.sample_distributions(value=z)
        parts = zip(layers, tf.nest.flatten(z), strict=True)
        return tf.add_n([linear_log_prob(objective, layer, value) for layer, value in parts])
    logits, one_hot = logits_of(objective, distribution)
    z = tf.cast(z, logits.dtype)
    if one_hot:
        log_prob = tf.math.multiply_no_nan(logits, z)  # A class that is ruled out has logit -inf.
    else:
        log_prob = z * tf.math.log_sigmoid(logits) + (1 - z) * tf.math.log_sigmoid(-logits)
    return sum_over_event(log_prob, z.shape.rank - distribution.event_shape.rank)


def linear_draws(objective: Objective, joint: Joint, z: Latents) -> Draws:
    """What a joint says of latents [S, B, ...] between 0 and 1, by `linear_log_prob`."""
    log_pz, log_q = (linear_log_prob(objective, part, z) for part in (joint.prior, joint.posterior))
    return Draws(joint.log_likelihood(z), log_pz, log_q)
