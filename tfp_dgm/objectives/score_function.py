"""Score-function gradients, for latents that cannot be reparameterised."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.binary_latents import linear_draws
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.control_variates import ControlVariate, LeaveOneOut, Signal
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.event_axes import as_rank
from tfp_dgm.objectives.impossible_draws import normalized_weights, zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one, require_part
from tfp_dgm.objectives.stochastic_layers import draw_in_turn


class Credit(NamedTuple):
    """How a bound is made of its draws' terms; no gradients.

    Attributes:
      shares: [S, B]; d value / d term.
      signal: [S, B]; what each draw's choice has earned.
      scale: by how much each draw's score counts.
    """

    shares: tf.Tensor
    signal: tf.Tensor
    scale: float


class ScoreFunctionELBO(Objective):
    """ELBO with the score-function gradient (REINFORCE), for any latent.

        loss[b] = -mean_s (w_sb + stop(w_sb - c_sb) log q(z_sb | x_b)),
        w_sb = log p(x_b | z_sb) - kl_weight (log q(z_sb | x_b) - log p(z_sb))

    where c is what the control variates predict of w_sb; by default the mean of the other draws
    (leave one out, RLOO). NVIL is one draw with `[RunningAverage(), LearnedBaseline()]`. With
    `analytic_kl` the divergence is a closed form, in value and gradient, and w_sb is
    log p(x_b | z_sb) alone: less noise, by what the prior and the posterior tell of the draw.

    Args:
      num_samples: S, at least 2 where draws are compared with the others.
      control_variates: in the order in which they apply; None for `[LeaveOneOut()]`, and an empty
        list for none.
      kl_weight: factor of the divergence in `loss`, a variable; see `ELBO`.
      analytic_kl: use the closed form of the divergence that TFP registers for the pair.
    Raises:
      ValueError: if there are too few draws for a control variate; with `analytic_kl`, if the pair
        has no closed form.
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
        analytic_kl: bool = False,
        kl_weight: float = 1.0,
    ) -> None:
        if control_variates is None:
            control_variates = [LeaveOneOut()]
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        self.control_variates = list(control_variates)
        for part in self.control_variates:
            require_part(self, "control_variates", part, ControlVariate)
        self.analytic_kl = analytic_kl
        self.kl_weight = tf.Variable(kl_weight, trainable=False, dtype=tf.float32, name="kl_weight")
        least = max([1, *(part.least_samples for part in self.control_variates)])
        if num_samples < least:
            raise ValueError(
                f"{type(self).__name__}: `num_samples` must be >= {least}, since each draw is "
                f"compared with the others; received {num_samples}"
            )

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior = joint.posterior

        def greedy() -> tf.Tensor:
            # Of several layers, each one's mode given those before it.
            return self._terms(Draws.of(joint, draw_in_turn(posterior, _mode, 1, seed)))[0]  # [B]

        def at_mean() -> tf.Tensor:
            mean = draw_in_turn(posterior, _mean, 1, seed)
            return self._terms(linear_draws(self, joint, mean))[0]  # [B]

        z = posterior.sample(self.num_samples, seed=seed)
        draws = Draws.of(joint, tf.nest.map_structure(tf.stop_gradient, z))
        terms = self._terms(draws)  # [S, B]
        fixed = tf.stop_gradient(terms)
        credit = self._credit(fixed)
        learned = tf.zeros_like(fixed[0])
        predicted = tf.zeros_like(credit.signal)
        for part in self.control_variates:
            signal = Signal(
                credit.signal,
                predicted,
                lambda: self._signal_from_others(fixed),
                greedy,
                at_mean,
                joint,
            )
            learned += part.loss(signal)
            # Any prediction is unbiased that does not look at the draw, and so is none.
            predicted += zero_where_infinite(part.predict(signal))
        rest = zero_where_infinite(credit.signal - predicted)
        of_draws = credit.shares * zero_where_infinite(terms)
        surrogate = tf.reduce_sum(of_draws + credit.scale * rest * draws.log_q, axis=0) - learned
        if self.analytic_kl:
            kl = self._closed_form(posterior, joint.prior)
            weighted = tf.math.multiply_no_nan(kl, self.kl_weight)
            surrogate -= weighted
            trained = tf.stop_gradient(draws.mean_log_px - weighted)
            return draws.bound(kl=kl, loss=tf.stop_gradient(surrogate) - surrogate - trained)
        return draws.bound(
            lambda draws: self._value(tf.stop_gradient(draws.log_weights)),
            loss=tf.stop_gradient(surrogate) - surrogate - self._value(fixed),
        )

    def _terms(self, draws: Draws) -> tf.Tensor:
        """What a draw's choice decides of what training ascends, [S, B]."""
        if self.analytic_kl:
            return draws.log_px
        return draws.log_px - tf.math.multiply_no_nan(draws.log_ratio, self.kl_weight)

    def _closed_form(self, posterior: tfd.Distribution, prior: tfd.Distribution) -> tf.Tensor:
        try:
            return tfd.kl_divergence(posterior, prior)
        except NotImplementedError:
            # An estimate from the draws would want a score of its own.
            raise ValueError(
                f"{type(self).__name__}: `analytic_kl` needs a closed form of the divergence; "
                f"there is none for {type(posterior).__name__} and {type(prior).__name__}"
            ) from None

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        """The bound [B] of the log-weights [S, B]."""
        return tf.reduce_mean(log_weights, axis=0)

    def _credit(self, log_weights: tf.Tensor) -> Credit:
        even = 1 / self.num_samples
        return Credit(tf.fill(tf.shape(log_weights), even), log_weights, even)

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

    def __init__(
        self,
        *,
        num_samples: int = 4,
        control_variates: Sequence[ControlVariate] | None = None,
    ) -> None:
        super().__init__(num_samples=num_samples, control_variates=control_variates)

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        return tfp.math.reduce_logmeanexp(log_weights, axis=0)

    def _credit(self, log_weights: tf.Tensor) -> Credit:
        signal = tf.broadcast_to(self._value(log_weights), tf.shape(log_weights))
        return Credit(normalized_weights(log_weights), signal, 1.0)

    def _signal_from_others(self, log_weights: tf.Tensor) -> tf.Tensor:
        # `tfp.stats.log_soomean_exp` takes each draw off the sum of all: NaN, where both are -inf.
        others = self._mean_of_others(log_weights)[:, tf.newaxis]  # [S, 1, B]
        own = as_rank(tf.eye(self.num_samples, dtype=tf.bool), others)  # [S, S, 1]
        replaced = tf.where(own, others, log_weights)
        return tfp.math.reduce_logmeanexp(replaced, axis=1)  # [S, B] of [S, S, B]


def _mode(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    return _as_draws(layer.mode(), sample_shape)


def _mean(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    return _as_draws(layer.mean(), sample_shape)


def _as_draws(z: tf.Tensor, sample_shape: list[int]) -> tf.Tensor:
    """What takes the place of draws, in their shape."""
    shape = tf.concat([tf.cast(sample_shape, tf.int32), tf.shape(z)], axis=0)
    return tf.broadcast_to(z, shape)
