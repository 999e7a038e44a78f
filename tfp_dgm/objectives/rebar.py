"""Score functions whose control variate is a relaxation: REBAR and RELAX."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.binary_latents import linear_draws, logits_of
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.event_axes import as_rank, sum_over_event
from tfp_dgm.objectives.impossible_draws import zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one
from tfp_dgm.objectives.perturbed_latents import PerturbedLatents, perturbed_latents
from tfp_dgm.objectives.stochastic_layers import draw_in_turn

# Perturbed logits [S, B, ...] of a layer -> [S, B].
Control = Callable[[tf.Tensor], tf.Tensor]


class _Layer(NamedTuple):
    """A layer's logits [S, B, ...], given the draws before it, and its draws."""

    logits: tf.Tensor
    perturbed: PerturbedLatents


class REBAR(Objective):
    """ELBO of binary or one-hot latents by REBAR [1]: unbiased, with a relaxed control variate.

        z ~ q(z),   b = H(z),   z' ~ q(z | b),   c(z) = scale w(relax(z / temperature))
        d value / d l ~ (w(b) - c(z')) d log q(b) / d l + d c(z) / d l - d c(z') / d l

    for perturbed logits z, their rounding H, log-weights w and logits l. The likelihood must take
    values between 0 and 1. Of several layers, each has its control variate in turn: those before it
    stay as drawn, and those after it are relaxed, by the noise that they were drawn with; L layers
    cost 2 L + 1 evaluations of the likelihood. The scale that gives the least variance is a ratio
    of two means, and follows it in training; the temperature is yours to choose, where [1] learns
    it too.

    Args:
      num_samples: S.
      temperature: of the relaxation, above 0; the non-trainable variable `temperature`.
      scale: of the control variate, at the start; the non-trainable variable `scale`.
      decay: by which the scale forgets, from 0 to 1; 1 keeps it as it is.
    Raises:
      ValueError: if a layer of the posterior is neither Bernoulli nor one-hot.
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

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior = joint.posterior
        layers: list[_Layer] = []

        def draw(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
            logits, one_hot = logits_of(self, layer)
            shape = tf.concat([tf.cast(sample_shape, tf.int32), tf.shape(logits)], axis=0)
            logits = tf.broadcast_to(logits, shape)  # [S, B, ...]
            perturbed = perturbed_latents(tf.stop_gradient(logits), one_hot, seed)
            layers.append(_Layer(logits, perturbed))
            return perturbed.b

        b = draw_in_turn(posterior, draw, self.num_samples, seed)
        drawn = [layer.perturbed.b for layer in layers]

        def relaxed_weights(index: int, z: tf.Tensor) -> tf.Tensor:
            own, *later = (layer.perturbed for layer in layers[index:])
            noise = iter(later)

            def relax(layer: tfd.Distribution, _: list[int], __: tf.Tensor) -> tf.Tensor:
                after = next(noise)
                return after.relaxed(after.perturbed(logits_of(self, layer)[0]), self.temperature)

            known = [*drawn[:index], own.relaxed(z, self.temperature)]
            chain = draw_in_turn(posterior, relax, self.num_samples, seed, known=known)
            return linear_draws(self, joint, chain).log_weights  # [S, B]

        draws = Draws.of(joint, b)
        linear, learned = tf.zeros_like(draws.log_px), tf.zeros_like(draws.log_px[0])
        plains, parts, leading = [], [], draws.log_q.shape.rank
        for index, (layer, r) in enumerate(
            zip(layers, self._learned_controls(len(layers), joint), strict=True)
        ):
            score = layer.perturbed.score()  # [S, B, ...]; d log q(b) / d logits
            signal = zero_where_infinite(draws.log_weights)
            plains.append(tf.stop_gradient(as_rank(signal, score) * score))
            part = _control(layer, functools.partial(relaxed_weights, index))
            parts.append(tf.stop_gradient(part))
            slope = plains[-1] + self.scale * parts[-1]  # d value / d logits
            if r is not None:
                slope += _control(layer, r)
                # Its mean is the variance, and what no r changes.
                square = tf.reduce_mean(tf.square(slope), axis=0)
                learned += sum_over_event(square, leading - 1)  # [B]
            linear += sum_over_event(tf.stop_gradient(slope) * layer.logits, leading)  # [S, B]
        if joint.training:
            self._follow(plains, parts)
        model = zero_where_infinite(draws.log_joint)
        return draws.bound(surrogate=tf.reduce_mean(model + linear, axis=0) - learned)

    def _follow(self, plains: list[tf.Tensor], parts: list[tf.Tensor]) -> None:
        """Moves the scale to where the mean square of `plain + scale part` is least."""
        pairs = zip(plains, parts, strict=True)
        product = tf.add_n([tf.reduce_sum(plain * part) for plain, part in pairs])
        square = tf.add_n([tf.reduce_sum(part * part) for part in parts])
        best = -product / tf.maximum(square, 1e-12)
        self.scale.assign(self.decay * self.scale + (1 - self.decay) * best)

    def _learned_controls(self, num_layers: int, joint: Joint) -> Sequence[Control | None]:
        """What each layer's control variate has besides the relaxation, and training adapts."""
        return [None] * num_layers


class RELAX(REBAR):
    """ELBO of binary or one-hot latents by RELAX [1]: REBAR's control variate and a learned one.

        c(z) = scale w(relax(z / temperature)) + r(z)

    The joint provides r, its `surrogate`: a function of the perturbed logits [S, B, ...] that gives
    [S, B] (of latents in several layers, a list of them). It is trained to lessen the
    variance of the gradient, at the cost of a second derivative of r.

    Args:
      num_samples: S.
      temperature: see `REBAR`.
      scale: see `REBAR`.
      decay: see `REBAR`.
    Raises:
      ValueError: if a layer of the posterior is neither Bernoulli nor one-hot, or if there are not
        as many functions as layers.
    References:
      [1] Grathwohl et al. Backpropagation through the Void. ICLR 2018. arXiv:1711.00123
    """

    def _learned_controls(self, num_layers: int, joint: Joint) -> Sequence[Control | None]:
        controls = tf.nest.flatten(joint.surrogate)
        if len(controls) != num_layers:
            raise ValueError(
                f"RELAX: `surrogate` must give a function for each of the {num_layers} layers of "
                f"latents; received {len(controls)}"
            )
        return controls


def _control(layer: _Layer, c: Control) -> tf.Tensor:
    """-c(z') d log q(b) / d l + d c(z) / d l - d c(z') / d l, [S, B, ...]."""
    fixed, perturbed = tf.stop_gradient(layer.logits), layer.perturbed
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(fixed)
        z, conditional = perturbed.perturbed(fixed), perturbed.conditional(fixed)
        c_z, c_conditional = (zero_where_infinite(c(part)) for part in (z, conditional))  # [S, B]
        difference = c_z - c_conditional
    score = perturbed.score()
    return tape.gradient(difference, fixed) - as_rank(c_conditional, score) * score


def _variable(value: float, name: str) -> tf.Variable:
    return tf.Variable(
        value,
        trainable=False,
        dtype=tf.float32,
        aggregation=tf.VariableAggregation.MEAN,  # Replicas see different parts of a batch.
        name=name,
    )
