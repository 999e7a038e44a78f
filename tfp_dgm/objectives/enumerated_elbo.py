"""Bounds on discrete latents of few values, each value visited."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.structures import Structure
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.impossible_draws import (
    normalized_weights,
    zero_where_infinite,
)
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective
from tfp_dgm.objectives.support import enumerated


class EnumeratedELBO(Objective):
    """Exact expectation over a discrete latent of few values, with exact gradients.

        value[b] = sum_k q(k | x_b) (log p(x_b | k) + log p(k) - log q(k | x_b))

    With q equal to the true posterior this is the log-likelihood itself. Values to which q gives
    no probability (logit -inf: a class that an annotation rules out) contribute nothing, to the
    value and to the gradient. Latents: one class, or several classes or binary variables, in one
    layer or several, if they have no more than 65,536 values together.

    Of a structure (a chain of states, a tree) whose likelihood is a sum over its parts, the same by
    its marginals, however many values it has; the log-weight is then one, the value itself.

    Raises:
      ValueError: if the posterior is of another kind.
    """

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        return _exact_elbo(joint.posterior, joint)


@capability
def _exact_elbo(posterior: tfd.Distribution, joint: Joint) -> Bound:
    values, log_q = enumerated(posterior)  # [K, B, ...], [K, B]
    possible = tf.math.is_finite(log_q)
    # 0 (log p - -inf) would be NaN, in the gradient too: mask before multiplying.
    log_q = tf.where(possible, log_q, 0.0)
    q = tf.where(possible, tf.exp(log_q), 0.0)
    likelihood, log_pz = joint.log_likelihood(values), joint.prior.log_prob(values)  # [K, B]
    draws = Draws(likelihood, log_pz, log_q, shares=q)
    bound = draws.bound(loss=draws.mean_log_ratio - draws.mean_log_px)
    return bound._replace(log_weights=tf.where(possible, bound.log_weights, -float("inf")))


class ExactMarginal(Objective):
    """The log-likelihood itself, of a discrete latent of few values.

        value[b] = log sum_k p(x_b | k) p(k)

    over all values k of the prior, which are what is enumerated: no posterior is asked for, nor
    trained. `reconstruction` and `kl` are those of the true posterior; the log-weights are those of
    the prior's values, log p(x | k), so that p(k | x) is proportional to p(k) exp(log_weights).

    Of a prior over structures, by its recursion; the log-weight is then one, the evidence.

    Raises:
      ValueError: as for `EnumeratedELBO`.
    """

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        return _exact_marginal(joint.prior, joint)


@capability
def _exact_marginal(prior: tfd.Distribution, joint: Joint) -> Bound:
    values, log_pz = enumerated(prior)  # [K, B, ...], [K, B]
    if log_pz.shape.rank == 1:  # One prior for all examples: [K, 1, ...], [K, 1].
        values, log_pz = tf.nest.map_structure(lambda x: x[:, tf.newaxis], (values, log_pz))
    draws = Draws(joint.log_likelihood(values), log_pz, log_q=log_pz)
    shares = tf.stop_gradient(normalized_weights(draws.log_joint))  # [K, B]
    surrogate = tf.reduce_sum(shares * zero_where_infinite(draws.log_joint), axis=0)
    draws = draws.with_shares(normalized_weights(draws.true.log_joint))
    kl = draws.mean(draws.true.log_px) - _evidence(draws.true)  # [B]
    bound = draws.bound(_evidence, kl=kl, surrogate=surrogate)
    possible = draws.true.log_joint > -float("inf")
    log_weights = tf.where(possible, draws.true.log_px, -float("inf"))
    return bound._replace(log_weights=log_weights)


def _evidence(draws: Draws) -> tf.Tensor:
    """log sum_k p(x, k), [B]."""
    return tf.reduce_logsumexp(draws.log_joint, axis=0)


@_exact_elbo.register(Structure)
def _(posterior: Structure, joint: Joint) -> Bound:
    reconstruction = _expected_sum(posterior, joint.part_log_likelihood)
    kl = tfd.kl_divergence(posterior, joint.prior)
    value = reconstruction - kl
    return Bound(-value, value, reconstruction, kl, value[tf.newaxis])


@_exact_marginal.register(Structure)
def _(prior: Structure, joint: Joint) -> Bound:
    posterior, evidence = _true_posterior(joint)
    reconstruction = _expected_sum(posterior, joint.part_log_likelihood)
    kl = reconstruction - evidence
    return Bound(-evidence, evidence, reconstruction, kl, evidence[tf.newaxis])


def _true_posterior(joint: Joint) -> tuple[Structure, tf.Tensor]:
    """(p(z | x), log p(x) [B]) of a structure."""
    prior = joint.prior
    potentials = getattr(prior.potentials, prior.told_by) + joint.part_log_likelihood
    posterior = prior.copy(**{prior.told_by: potentials})
    return posterior, posterior.log_partition() - prior.log_partition()


def _expected_sum(structure: Structure, parts: tf.Tensor) -> tf.Tensor:
    """The mean of a sum over the parts of a structure, [B]."""
    marginals = getattr(structure.marginals(), structure.told_by)
    # A part of probability 0 adds nothing, whatever it would.
    terms = tf.where(marginals > 0, marginals * parts, 0.0)
    return tf.reduce_sum(terms, axis=list(range(1, terms.shape.rank)))
