"""Distributions over structures: chains, segmentations, trees."""

import abc
from typing import Any, ClassVar, Self

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.structures.checks import (
    require_event_shape,
    require_possible,
    require_precision,
    require_same_rows,
)
from tfp_dgm.distributions.structures.semirings import NEVER, with_infinity

Parts = Any  # A NamedTuple of tensors [B or 1, ...], one a kind of part.


class Structure(tfd.Distribution):
    """p(z) = exp(score(z) - log Z), score(z) = sum of the potentials of the parts of z.

    A structure z is a set of parts (states and transitions, segments, arcs, spans), and every part
    has a potential, a real number or -inf (impossible). Z sums over all structures, and all that
    this class answers is exact. Batch shape [B]; rows may differ in length, and what stands beyond
    a row's length is never read. Everything but `sample`, `mode` and `top_k` is differentiable in
    the potentials, and everything compiles under XLA, where a seed gives other draws, as XLA's
    random numbers are others than TensorFlow's.

    Kim, Wiseman and Rush, "A Tutorial on Deep Latent Variable Models of Natural Language" (2018),
    sections 3.3 and 5. The derivative of log Z in a potential is the part's marginal probability
    (Eisner, 2016).

    Subclasses say which parts there are (`potentials`), what of them is read, how Z is summed
    (`_log_sum`), what events weigh (`_score`), and how they are drawn and ranked (`_sample_n`,
    `_mode`, `top_k`); `RecursiveStructure` derives most of these from one recursion.

    Raises:
      ValueError: if potentials are neither float32 nor float64.
    """

    # The potentials that tell a structure by themselves, and what `given` restricts.
    told_by: ClassVar[str]
    # How far marginals that are 0 may be from it.
    rounding: ClassVar[float] = 0.0

    def __init__(
        self,
        potentials: Parts,
        lengths: tf.Tensor,
        *,
        parameters: dict[str, Any],
        validate_args: bool,
        allow_nan_stats: bool,
        name: str,
    ) -> None:
        require_precision(type(self).__name__, self.told_by, getattr(potentials, self.told_by))
        self._potentials = potentials
        self._finite = self._read(potentials, lengths)
        self._lengths = lengths
        super().__init__(
            dtype=tf.int32,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    def _event_shape(self) -> tf.TensorShape:
        return getattr(self._potentials, self.told_by).shape[1:2]

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(getattr(self._potentials, self.told_by))[1:2]

    @property
    def potentials(self) -> Parts:
        """As they were given."""
        return self._potentials

    @property
    def lengths(self) -> tf.Tensor:
        """int32 [B]."""
        return self._lengths

    def log_partition(self) -> tf.Tensor:
        """log Z, [B]; -inf where no structure is possible."""
        return with_infinity(self._log_sum(self._finite, self._lengths))

    def score(self, event: Any) -> tf.Tensor:
        """score(z), [..., B], of structures [..., B, *event]; -inf for what is none.

        Raises:
          ValueError: if they have another event shape (InvalidArgumentError if that is known only
            when a graph runs): nothing broadcasts along the axes of an event.
        """
        event = require_event_shape(self, tf.convert_to_tensor(event, tf.int32))
        return with_infinity(self._score(event))

    def marginals(self) -> Parts:
        """The probability of each part to be in the structure, [B, ...] each.

        The derivative of `log_partition` in the potentials; 0 beyond the lengths.
        """
        _, marginals = self._with_marginals(self._expanded(self._finite))
        return type(marginals)(*(tf.maximum(marginal, 0) for marginal in marginals))

    def mean_score(self, marginals: Parts) -> tf.Tensor:
        """The mean of `score`, [B], where parts are in the structure with other probabilities.

        Args:
          marginals: as `marginals` gives them, of another distribution over the same structures.
        Returns:
          Sum of the potentials by the marginals; -inf where something has a probability that is
          impossible here.
        Raises:
          TypeError: if they are the marginals of structures of another kind.
        """
        parts = self._expanded(self._finite)
        if type(marginals) is not type(parts):
            raise TypeError(
                f"{type(self).__name__}: `marginals` must be {type(parts).__name__}; received "
                f"{type(marginals).__name__}"
            )
        total = tf.zeros_like(self._lengths, parts[0].dtype)
        for marginal, part in zip(marginals, parts, strict=True):
            weighed = tf.where(marginal > 0, marginal * part, 0.0)
            total += tf.reduce_sum(weighed, axis=list(range(1, part.shape.rank)))
        return with_infinity(total)

    def given(self, allowed: Any) -> Self:
        """The distribution conditioned on partial evidence: z has no part that is not allowed.

        log Z of it less log Z of this one is the log-probability of the evidence, and so the
        log-likelihood of a partial annotation.

        Args:
          allowed: bool, as the potentials that `told_by` names, or of a shape that broadcasts.
        Raises:
          ValueError: if a row is left without a structure (outside graphs; within, `log_partition`
            is -inf), or if the shapes do not fit.
        """
        owner = type(self).__name__
        allowed = tf.convert_to_tensor(allowed)
        potential = getattr(self._potentials, self.told_by)
        if allowed.dtype != tf.bool:
            raise ValueError(f"{owner}: `allowed` must be bool; received {allowed.dtype.name}")
        try:
            tf.broadcast_static_shape(allowed.shape, potential.shape)
        except ValueError:
            raise ValueError(
                f"{owner}: `allowed` must have the shape of `{self.told_by}`, "
                f"{tuple(potential.shape)}; received {tuple(allowed.shape)}"
            ) from None
        never = tf.constant(-float("inf"), potential.dtype)
        conditioned = self.copy(**{self.told_by: tf.where(allowed, potential, never)})
        require_possible(owner, "allowed", conditioned.log_partition())
        return conditioned

    @abc.abstractmethod
    def top_k(self, k: int) -> tuple[tf.Tensor, tf.Tensor]:
        """The k most probable structures, best first.

        Returns:
          structures: [k, B, *event].
          log_prob: [k, B]; -inf where there are fewer than k, whose structures mean nothing.
        Raises:
          ValueError: if k is below 1.
        """

    @abc.abstractmethod
    def _log_sum(self, parts: Parts, lengths: tf.Tensor) -> tf.Tensor:
        """Finite potentials [B or 1, ...] -> log Z [B]; `NEVER` where nothing is possible."""

    @abc.abstractmethod
    def _score(self, event: tf.Tensor) -> tf.Tensor:
        """Sum of the finite potentials of events [..., B, *event]; `NEVER` for no structure."""

    @abc.abstractmethod
    def _read(self, potentials: Parts, lengths: tf.Tensor) -> Parts:
        """Potentials as finite numbers, of which those beyond the lengths weigh nothing."""

    def _kind(self) -> Any:
        """Equal for distributions over the same structures."""
        return type(self)

    def _expanded(self, parts: Parts) -> Parts:
        """Parts at the shapes of the marginals, [B, ...]."""
        return self._over_rows(parts)

    def _with_marginals(self, parts: Parts) -> tuple[tf.Tensor, Parts]:
        """(log Z [B], its derivative in each of the finite parts [B, ...])."""
        with tf.GradientTape() as tape:
            tape.watch(parts)
            log_partition = self._log_sum(parts, self._lengths)
        gradients = tape.gradient(
            log_partition, parts, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return log_partition, gradients

    def _log_prob(self, event: tf.Tensor) -> tf.Tensor:
        log_partition = self._log_sum(self._finite, self._lengths)
        event = require_event_shape(self, tf.cast(event, tf.int32))
        return with_infinity(self._score(event)) - log_partition

    def _entropy(self) -> tf.Tensor:
        parts = self._over_rows(self._finite)
        log_partition, marginals = self._with_marginals(parts)
        possible = tf.math.is_finite(with_infinity(log_partition))
        for marginal, part in zip(marginals, parts, strict=True):
            weights = tf.where(part > NEVER, marginal * part, 0.0)
            log_partition -= tf.reduce_sum(weights, axis=list(range(1, part.shape.rank)))
        nothing = tf.cast(float("nan"), log_partition.dtype)
        return tf.where(possible, log_partition, nothing)

    def _over_rows(self, parts: Parts) -> Parts:
        """Parts with a row each, so that derivatives in them are of one row."""
        rows = tf.shape(self._lengths)[:1]
        return type(parts)(
            *(
                tf.broadcast_to(part, tf.concat([rows, tf.shape(part)[1:]], axis=0))
                for part in parts
            )
        )


@tfd.RegisterKL(Structure, Structure)
def kl_structures(q: Structure, p: Structure, name: str | None = None) -> tf.Tensor:
    """KL(q || p) of two distributions over structures of one kind, [B].

        log Z_p - log Z_q + sum over parts of marginal_q (potential_q - potential_p)

    inf where p makes impossible what q does not, so far as float32 tells q's marginals from 0.

    Raises:
      NotImplementedError: if they are of different kinds.
      ValueError: if rows are of different lengths (outside graphs; within, the lengths are not
        compared), or have potentials of different shapes.
    """
    if q._kind() != p._kind():
        raise NotImplementedError(
            f"no divergence between {type(q).__name__} and {type(p).__name__} is known, but of two "
            "over the same structures"
        )
    ours, theirs = (getattr(structure.potentials, q.told_by) for structure in (q, p))
    require_same_rows(ours, theirs, q.lengths, p.lengths)
    with tf.name_scope(name or "kl_structures"):
        ours, theirs = q._expanded(q._finite), p._expanded(p._finite)
        log_partition, marginals = q._with_marginals(ours)
        total = p._log_sum(p._finite, p.lengths) - log_partition
        for marginal, our, their in zip(marginals, ours, theirs, strict=True):
            axes = list(range(1, marginal.shape.rank))
            impossible = their <= NEVER
            total += tf.reduce_sum(tf.where(~impossible, marginal * (our - their), 0.0), axis=axes)
            missed = tf.reduce_any(impossible & (marginal > q.rounding), axis=axes)
            total = tf.where(missed, tf.constant(float("inf"), total.dtype), total)
        return total
