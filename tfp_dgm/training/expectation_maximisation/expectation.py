"""Expected statistics of all batches, under the posterior or under its best structures."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.distributions import GenerativeStructure, Structure
from tfp_dgm.models import ExactLikelihoodModel

# The model's posterior -> the marginals that stand for its own.
Guess = Callable[[Structure], Any]


def distribution_of(model: ExactLikelihoodModel) -> GenerativeStructure:
    """What the likelihood gives, with its present weights."""
    # A likelihood that depends on no features takes any.
    return model.likelihood(tf.zeros([1, 1]))


class Expectation:
    """The E-step: log-likelihood and expected statistics, added over batches in float64.

    Args:
      model: whose likelihood gives a `GenerativeStructure`.
      batches: see `fit_em`.
      hard: whether the best structure of each row stands for the posterior; the log-likelihood is
        then that of rows and structures together, log p(x, z).
      guess: the posterior -> marginals that stand for its own; the log-likelihood is then the mean
        of log p(x, z) by them.

    Attributes:
      num_rows: of all batches, when they have been read once.
    """

    def __init__(
        self,
        model: ExactLikelihoodModel,
        batches: Any,
        *,
        hard: bool = False,
        guess: Guess | None = None,
    ) -> None:
        self._model = model
        self._batches = batches
        self._hard = hard
        self._guess = guess
        self.num_rows = 0
        self._of_batch = tf.function(self._statistics, autograph=False, reduce_retracing=True)

    def __call__(self) -> tuple[float, Any]:
        """(nats of all rows, statistics as float64 arrays, named as the potentials).

        Raises:
          ValueError: if a row has no probability; names batch and row.
        """
        total, rows = 0.0, 0
        sums: list[np.ndarray] = []
        for number, x in enumerate(batches_of(self._batches)):
            log_prob, statistics = self._of_batch(x)
            nats = log_prob.numpy().astype(np.float64)
            for row in np.flatnonzero(~np.isfinite(nats))[:1]:
                raise ValueError(
                    "fit_em: every row must have a finite log-probability under the model; "
                    f"received {nats[row]} of row {row} of batch {number}"
                )
            total, rows = total + float(nats.sum()), rows + len(nats)
            arrays = [part.numpy().astype(np.float64) for part in statistics]
            sums = arrays if not sums else [s + a for s, a in zip(sums, arrays, strict=True)]
        self.num_rows = rows
        return total, type(distribution_of(self._model).log_potentials)(*sums)

    def _statistics(self, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """(nats [B], derivatives of their sum in the potentials: the expected statistics)."""
        self._model.check_inputs(x)
        distribution = distribution_of(self._model)
        potentials = distribution.log_potentials
        # Outside of the tape: what is counted is what stands for the posterior uses.
        posterior = distribution.posterior(x)
        best = posterior.mode() if self._hard else None
        guess = None if self._guess is None else self._guess(posterior)
        with tf.GradientTape() as tape:
            tape.watch(potentials)
            if guess is not None:
                nats = distribution.posterior(x).mean_score(guess)
            else:
                nats = distribution.log_prob(x) if best is None else distribution.log_joint(x, best)
        gradients = tape.gradient(
            nats, potentials, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return nats, [tf.convert_to_tensor(part) for part in gradients]


def batches_of(batches: Any) -> Iterator[tf.Tensor]:
    """Batches [B, ...], of an array (which is one) or of what can be iterated again and again.

    Raises:
      TypeError: if it is neither, or if a batch is no array.
      ValueError: if there is none.
    """
    if isinstance(batches, np.ndarray | tf.Tensor):
        yield tf.convert_to_tensor(batches)
        return
    if not isinstance(batches, Iterable) or iter(batches) is batches:
        raise TypeError(
            "fit_em: `batches` must be an array [N, ...], a `tf.data.Dataset` or a list of arrays "
            f"[B, ...], which can be read once an iteration; received {type(batches).__name__}"
        )
    number = -1
    for number, batch in enumerate(batches):
        if not isinstance(batch, np.ndarray | tf.Tensor):
            raise TypeError(
                f"fit_em: a batch must be an array [B, ...] of events alone; received "
                f"{type(batch).__name__} as batch {number}"
            )
        yield tf.convert_to_tensor(batch)
    if number < 0:
        raise ValueError("fit_em: `batches` must hold at least one batch; received none")
