"""Score functions whose control variate is a relaxation: REBAR and RELAX."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.binary_latents import linear_log_prob, logits_of
from tfp_dgm.objectives.event_axes import as_rank, sum_over_event
from tfp_dgm.objectives.objective import Bound, LogLikelihood, Objective, at_least_one
from tfp_dgm.objectives.perturbed_latents import (
    PerturbedBinary,
    PerturbedLatents,
    PerturbedOneHot,
)


class REBAR(Objective):
    """ELBO of binary or one-hot latents by REBAR [1]: unbiased, with a relaxed control variate.

        z ~ q(z),   b = H(z),   z' ~ q(z | b),   c(z) = scale w(relax(z / temperature))
        d value / d l ~ (w(b) - c(z')) d log q(b) / d l + d c(z) / d l - d c(z') / d l

    for perturbed logits z, their rounding H, log-weights w and logits l. The likelihood must take
    values between 0 and 1. The scale that gives the least variance is a ratio of two means, and
    follows it in training; the temperature is yours to choose, where [1] learns it too.

    Args:
      num_samples: S.
      temperature: of the relaxation, above 0; the non-trainable variable `temperature`.
      scale: of the control variate, at the start; the non-trainable variable `scale`.
      decay: by which the scale forgets, from 0 to 1; 1 keeps it as it is.
    Raises:
      ValueError: if the posterior is neither Bernoulli nor one-hot (in one layer).
    References:
      [1] Tucker et al. REBAR: Low-variance, Unbiased Gradient Estimates for Discrete Latent
        Variable Models. NeurIPS 2017. arXiv:1703.07370
    """

    def __init__(
        self,
        *,
        num_samples: int = 1,
        temperature: float = 0.5,
        scale: float = 1.0,
        decay: float = 0.99,
    ) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        if temperature <= 0:
            raise ValueError(
                f"{type(self).__name__}: `temperature` must be > 0; received {temperature}"
            )
        if not 0 <= decay <= 1:
            raise ValueError(f"{type(self).__name__}: `decay` must lie in [0, 1]; received {decay}")
        self.decay = decay
        self.temperature = _variable(temperature, "temperature")
        self.scale = _variable(scale, "scale")

    @property
    def needs(self) -> tuple[str, ...]:
        return ("training",)

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        logits, one_hot = logits_of(self, posterior)  # [B, ...]
        shape = tf.concat([[self.num_samples], tf.shape(logits)], axis=0)
        logits = tf.broadcast_to(logits, shape)  # [S, B, ...]
        fixed = tf.stop_gradient(logits)
        perturbed = PerturbedOneHot(fixed, seed) if one_hot else PerturbedBinary(fixed, seed)

        def relaxed_weights(z: tf.Tensor) -> tf.Tensor:
            z = perturbed.relaxed(z, self.temperature)
            log_pz, log_q = (linear_log_prob(self, part, z) for part in (prior, posterior))
            return log_likelihood(z) + log_pz - log_q  # [S, B]

        log_px, log_pz = log_likelihood(perturbed.b), prior.log_prob(perturbed.b)  # [S, B] each
        log_q = posterior.log_prob(perturbed.b)  # [S, B]
        log_weights = log_px + log_pz - log_q
        score = perturbed.score()  # [S, B, ...]; d log q(b) / d logits
        part = _control(perturbed, relaxed_weights, fixed, score)
        plain = tf.stop_gradient(as_rank(log_weights, score) * score)
        part = tf.stop_gradient(part)
        slope = plain + self.scale * part
        if needed["training"]:
            self._follow(plain, part)
        learned, slope = self._learn(slope, perturbed, fixed, score, needed)
        leading = log_weights.shape.rank
        linear = sum_over_event(tf.stop_gradient(slope) * logits, leading)  # [S, B]
        surrogate = tf.reduce_mean(log_px + log_pz + linear, axis=0) - learned  # [B]
        reconstruction, kl = tf.reduce_mean(log_px, axis=0), tf.reduce_mean(log_q - log_pz, axis=0)
        return Bound(
            loss=tf.stop_gradient(surrogate - reconstruction + kl) - surrogate,
            value=reconstruction - kl,
            reconstruction=reconstruction,
            kl=kl,
            log_weights=log_weights,
        )

    def _follow(self, plain: tf.Tensor, part: tf.Tensor) -> None:
        """Moves the scale to where the mean square of `plain + scale part` is least."""
        best = -tf.reduce_sum(plain * part) / tf.maximum(tf.reduce_sum(part * part), 1e-12)
        self.scale.assign(self.decay * self.scale + (1 - self.decay) * best)

    def _learn(
        self,
        slope: tf.Tensor,
        perturbed: PerturbedLatents,
        fixed: tf.Tensor,
        score: tf.Tensor,
        needed: dict[str, Any],
    ) -> tuple[tf.Tensor | float, tf.Tensor]:
        """What training minimises besides [B], and the slope d value / d logits."""
        return 0.0, slope


class RELAX(REBAR):
    """ELBO of binary or one-hot latents by RELAX [1]: REBAR's control variate and a learned one.

        c(z) = scale w(relax(z / temperature)) + r(z)

    The model provides r as `surrogate(inputs)`, a function of the perturbed logits [S, B, ...] that
    gives [S, B]; it is trained to lessen the variance of the gradient, at the cost of a second
    derivative of r.

    Args:
      num_samples: S.
      temperature: see `REBAR`.
      scale: see `REBAR`.
      decay: see `REBAR`.
    Raises:
      ValueError: if the posterior is neither Bernoulli nor one-hot (in one layer).
    References:
      [1] Grathwohl et al. Backpropagation through the Void. ICLR 2018. arXiv:1711.00123
    """

    @property
    def needs(self) -> tuple[str, ...]:
        return ("training", "surrogate")

    def _learn(
        self,
        slope: tf.Tensor,
        perturbed: PerturbedLatents,
        fixed: tf.Tensor,
        score: tf.Tensor,
        needed: dict[str, Any],
    ) -> tuple[tf.Tensor | float, tf.Tensor]:
        slope = slope + _control(perturbed, needed["surrogate"], fixed, score)
        square = tf.reduce_mean(tf.square(slope), axis=0)  # [B, ...]; its mean is the variance's.
        return sum_over_event(square, 1), slope


def _control(perturbed: PerturbedLatents, c: Any, fixed: tf.Tensor, score: tf.Tensor) -> tf.Tensor:
    """-c(z') d log q(b) / d l + d c(z) / d l - d c(z') / d l, [S, B, ...]."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(fixed)
        z, conditional = perturbed.perturbed(fixed), perturbed.conditional(fixed)
        c_z, c_conditional = c(z), c(conditional)  # [S, B] each
        difference = c_z - c_conditional
    return tape.gradient(difference, fixed) - as_rank(c_conditional, score) * score


def _variable(value: float, name: str) -> tf.Variable:
    return tf.Variable(
        value,
        trainable=False,
        dtype=tf.float32,
        aggregation=tf.VariableAggregation.MEAN,  # Replicas see different parts of a batch.
        name=name,
    )
