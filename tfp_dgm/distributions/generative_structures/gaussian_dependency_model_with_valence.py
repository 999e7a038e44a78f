"""Vectors of words whose tags a dependency model with valence has written."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.generative_structures.gaussian_emissions import (
    GaussianPotentials,
    centre_of,
    gaussian_potentials,
    normal_draws,
    require_scale,
)
from tfp_dgm.distributions.generative_structures.gaussian_structure import GaussianStructure
from tfp_dgm.distributions.generative_structures.head_outward_draws import draw_texts
from tfp_dgm.distributions.structures import TaggedDependencyTree
from tfp_dgm.distributions.structures.checks import require_rank, require_sizes
from tfp_dgm.distributions.structures.semirings import sanitized


class GaussianDependencyModelPotentials(NamedTuple):
    """What log p(x, z) is linear in, or the statistics that it is multiplied by.

    Attributes:
      root, attachments, decisions: see `DependencyModelPotentials`, of K tags for V tokens.
      constant, linear, quadratic: see `GaussianPotentials`.
    """

    root: tf.Tensor
    attachments: tf.Tensor
    decisions: tf.Tensor
    constant: tf.Tensor
    linear: tf.Tensor
    quadratic: tf.Tensor


class GaussianDependencyModelWithValence(GaussianStructure):
    """Sequences of vectors: a dependency model writes tags, and each tag a vector.

        z ~ the story of `DependencyModelWithValence`, over K tags;  x_t ~ N(loc[z_t], L L')

    with L = scale[z_t]. An event is float32 [T, D]; rows may have any number T of vectors. A vector
    with NaN is not observed: it has a tag and a head, which are summed out, but one after the last
    that is observed is no word at all, and a row of nothing but NaN has log-probability 0. So NaN
    fills shorter rows up, and changes no number. `posterior` is a `TaggedDependencyTree` over heads
    and tags, of which both are summed out.

    A draw is of the texts that have at most `num_steps` words, NaN behind them.

    He, Neubig and Berg-Kirkpatrick, "Unsupervised learning of syntactic structure with invertible
    neural projections" (2018).

    Args:
      root_logits: float32 [K].
      attachment_logits: float32 [K, 2, 1 or 2, K]; 1 where first and later modifiers are alike.
      decision_logits: float32 [K, 2, 2, 2].
      loc: float32 [K, D].
      scale: float32, positive: [K, D], the standard deviations, for diagonal covariances;
        [K, D, D], Cholesky factors (lower triangles), for full ones.
      num_steps: the most vectors of a draw.
    Raises:
      ValueError: if shapes do not fit each other, or `num_steps` is below 1.
    """

    categorical = ("root", "attachments", "decisions")

    def __init__(
        self,
        root_logits: Any,
        attachment_logits: Any,
        decision_logits: Any,
        loc: Any,
        scale: Any,
        *,
        num_steps: int,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "GaussianDependencyModelWithValence",
    ) -> None:
        parameters = dict(locals())
        owner = "GaussianDependencyModelWithValence"
        with tf.name_scope(name) as name:
            root = tf.convert_to_tensor(root_logits, tf.float32)
            attachments = tf.convert_to_tensor(attachment_logits, tf.float32)
            decisions = tf.convert_to_tensor(decision_logits, tf.float32)
            self._loc = tf.convert_to_tensor(loc, tf.float32)
            self._scale = tf.convert_to_tensor(scale, tf.float32)
            require_rank(owner, "root_logits", root, "[K]")
            tags = root.shape[0]
            sizes: tuple[Any, ...] = (tags, 2, (1, 2), tags)
            require_sizes(owner, "attachment_logits", attachments, "[K, 2, 1 or 2, K]", sizes)
            sizes = (tags, 2, 2, 2)
            require_sizes(owner, "decision_logits", decisions, "[K, 2, 2, 2]", sizes)
            require_sizes(owner, "loc", self._loc, "[K, D]", (tags, None))
            size = self._loc.shape[1]
            require_scale(owner, self._scale, "[K, D] or [K, D, D]", (tags,), size)
            self._centre = centre_of(self._loc)
            self._log_potentials = GaussianDependencyModelPotentials(
                tf.nn.log_softmax(root),
                tf.nn.log_softmax(attachments),
                tf.nn.log_softmax(decisions),
                *gaussian_potentials(self._loc, self._scale, self._centre),
            )
            super().__init__(
                num_steps=num_steps,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @property
    def log_potentials(self) -> GaussianDependencyModelPotentials:
        return self._log_potentials

    def _posterior(self, x: tf.Tensor) -> TaggedDependencyTree:
        root, attachments, decisions, *emissions = self._log_potentials
        unary, lengths = self._densities(x, GaussianPotentials(*emissions))  # [B, T, K]
        unary = unary[:, tf.newaxis]
        from_root = unary + root
        stops = decisions[..., 0]  # [K, 2, 2]
        # A row of NaN alone has one word, whose tags cost what they cost: nothing.
        nothing = tf.reduce_all(tf.reduce_any(tf.math.is_nan(x), axis=-1), axis=-1)
        nothing = nothing[:, tf.newaxis, tf.newaxis, tf.newaxis]
        from_root = tf.where(nothing, _of_nothing(stops[:, 0, 0] + stops[:, 1, 0]), from_root)
        from_words = tf.repeat(unary, tf.shape(x)[1], axis=1)
        arcs = tf.concat([from_root, from_words], axis=1)  # [B, T + 1, T, K]
        arcs = tf.pad(arcs, [[0, 0], [0, 0], [1, 0], [0, 0]])
        going = decisions[..., 1, tf.newaxis] + attachments  # [K, 2, 2, K]
        return TaggedDependencyTree(arcs, going[tf.newaxis], stops[tf.newaxis], lengths=lengths)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        root, attachments, decisions, *_ = self._log_potentials
        seeds = tf.random.split(sanitized(seed), 2)
        # Tags are tokens from 1 on: 0 is what stands behind a text.
        front, never = [1, 0], -float("inf")
        tokens = draw_texts(
            tf.pad(root, [front], constant_values=never),
            tf.pad(attachments, [front, [0, 0], [0, 0], front], constant_values=never),
            tf.pad(decisions, [front, [0, 0], [0, 0], [0, 0]]),
            n,
            self._num_steps,
            seeds[0],
        )
        tags = tf.maximum(tokens - 1, 0)  # [n, T]
        vectors = normal_draws(tf.gather(self._loc, tags), self._scale, tags, seeds[1])
        return tf.where((tokens > 0)[..., tf.newaxis], vectors, float("nan"))


def _of_nothing(stops: tf.Tensor) -> tf.Tensor:
    """What makes trees of one word, with so much of their stops [K], have sums of 0: [K]."""
    possible = tf.math.is_finite(stops)
    number = tf.reduce_sum(tf.cast(possible, stops.dtype))
    known = tf.where(possible, stops, 0.0)
    return tf.where(possible, -known - tf.math.log(tf.maximum(number, 1.0)), -float("inf"))
