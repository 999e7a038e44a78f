"""Score-function gradients, for latents that cannot be reparameterised."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.control_variates import ControlVariate, LeaveOneOut, Signal
from tfp_dgm.objectives.impossible_draws import normalized_weights, zero_where_infinite
from tfp_dgm.objectives.objective import Bound, LogLikelihood, Objective, at_least_one
from tfp_dgm.objectives.stochastic_layers import draw_in_turn


class Credit(NamedTuple):
    """How a bound is made of its draws' log-weights; no gradients.

    Attributes:
      value: [B]; the bound.
      shares: [S, B]; d value / d log_weights.
      signal: [S, B]; what each draw's choice has earned.
      scale: by how much each draw's score counts.
    """

    value: tf.Tensor
    shares: tf.Tensor
    signal: tf.Tensor
    scale: float


class ScoreFunctionELBO(Objective):
    """ELBO with the score-function gradient (REINFORCE), for any latent.

        loss[b] = -mean_s (w_sb + stop(w_sb - c_sb) log q(z_sb | x_b)),
        w_sb = log p(x_b | z_sb) + log p(z_sb) - log q(z_sb | x_b)

    where c is what the control variates predict of w_sb; by default the mean of the other draws
    (leave one out, RLOO). NVIL is one draw with `[RunningAverage(), LearnedBaseline()]`.

    Args:
      num_samples: S, at least 2 where draws are compared with the others.
      control_variates: in the order in which they apply; None for `[LeaveOneOut()]`, and an empty
        list for none.
    Raises:
      ValueError: if there are too few draws for a control variate.
    References:
      [1] Mnih and Gregor. Neural Variational Inference and Learning in Belief Networks. ICML 2014.
        arXiv:1402.0030
      [2] Kool, van Hoof and Welling. Buy 4 REINFORCE Samples, Get a Baseline for Free! ICLR 2019
        workshop.
    """

    def __init__(
        self,
        *,
        num_samples: int = 4,
        control_variates: Sequence[ControlVariate] | None = None,
    ) -> None:
        if control_variates is None:
            control_variates = [LeaveOneOut()]
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        self.control_variates = list(control_variates)
        least = max([1, *(part.least_samples for part in self.control_variates)])
        if num_samples < least:
            raise ValueError(
                f"{type(self).__name__}: `num_samples` must be >= {least}, since each draw is "
                f"compared with the others; received {num_samples}"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.control_variates for name in part.needs))

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        def log_terms(z: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            return log_likelihood(z), prior.log_prob(z), posterior.log_prob(z)  # [S, B] each

        def greedy() -> tf.Tensor:
            # Of several layers, each one's mode given those before it.
            log_px, log_pz, log_q = log_terms(draw_in_turn(posterior, _mode, 1, seed))
            return (log_px + log_pz - log_q)[0]  # [B]

        z = posterior.sample(self.num_samples, seed=seed)
        log_px, log_pz, log_q = log_terms(tf.nest.map_structure(tf.stop_gradient, z))
        log_weights = log_px + log_pz - log_q
        fixed = tf.stop_gradient(log_weights)
        credit = self._credit(fixed)
        learned = tf.zeros_like(credit.value)
        predicted = tf.zeros_like(credit.signal)
        for part in self.control_variates:
            signal = Signal(
                credit.signal, predicted, lambda: self._signal_from_others(fixed), greedy, needed
            )
            learned += part.loss(signal)
            # Any prediction is unbiased that does not look at the draw, and so is none.
            predicted += zero_where_infinite(part.predict(signal))
        rest = zero_where_infinite(credit.signal - predicted)
        surrogate = learned - tf.reduce_sum(
            credit.shares * zero_where_infinite(log_weights) + credit.scale * rest * log_q, axis=0
        )  # [B]
        return Bound(
            # The surrogate's own value is taken off again: estimators change gradients only.
            loss=surrogate - tf.stop_gradient(surrogate) - credit.value,
            value=credit.value,
            reconstruction=tf.reduce_mean(log_px, axis=0),
            kl=tf.reduce_mean(log_q - log_pz, axis=0),
            log_weights=log_weights,
        )

    def _credit(self, log_weights: tf.Tensor) -> Credit:
        even = 1 / self.num_samples
        shares = tf.fill(tf.shape(log_weights), even)
        return Credit(tf.reduce_mean(log_weights, axis=0), shares, log_weights, even)

    def _signal_from_others(self, log_weights: tf.Tensor) -> tf.Tensor:
        """Each draw's signal [S, B] as the other draws would have it."""
        return self._mean_of_others(log_weights)

    def _mean_of_others(self, x: tf.Tensor) -> tf.Tensor:
        """For each row of [S, B] the mean of the others, itself never added to be taken off."""
        before, after = (tf.cumsum(x, exclusive=True, reverse=reverse) for reverse in (False, True))
        return (before + after) / (self.num_samples - 1)


class ScoreFunctionImportanceWeighted(ScoreFunctionELBO):
    """Importance-weighted bound with score-function gradients; VIMCO [1] by default.

        value[b] = L_b = log mean_s w_sb
        loss[b]  = -L_b - sum_s stop(L_b - c_sb) log q(z_sb | x_b)

    where c is what the control variates predict of L; by default L with the weight of draw s
    replaced by the geometric mean of the others. `reconstruction` and `kl` are those of the
    posterior itself, means over the draws.

    Args:
      num_samples: S, at least 2 where draws are compared with the others.
      control_variates: see `ScoreFunctionELBO`.
    Raises:
      ValueError: if there are too few draws for a control variate.
    References:
      [1] Mnih and Rezende. Variational Inference for Monte Carlo Objectives. ICML 2016.
        arXiv:1602.06725
    """

    def _credit(self, log_weights: tf.Tensor) -> Credit:
        value = tfp.math.reduce_logmeanexp(log_weights, axis=0)  # [B]
        signal = tf.broadcast_to(value, tf.shape(log_weights))
        return Credit(value, normalized_weights(log_weights), signal, 1.0)

    def _signal_from_others(self, log_weights: tf.Tensor) -> tf.Tensor:
        # `tfp.stats.log_soomean_exp` takes each draw off the sum of all: NaN, where both are -inf.
        own = tf.eye(self.num_samples, dtype=tf.bool)[:, :, tf.newaxis]  # [S, S, 1]
        replaced = tf.where(own, self._mean_of_others(log_weights)[:, tf.newaxis], log_weights)
        return tfp.math.reduce_logmeanexp(replaced, axis=1)  # [S, B] of [S, S, B]


def _mode(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """What takes the place of a draw, of the same shape."""
    mode = layer.mode()
    shape = tf.concat([tf.cast(sample_shape, tf.int32), tf.shape(mode)], axis=0)
    return tf.broadcast_to(mode, shape)
