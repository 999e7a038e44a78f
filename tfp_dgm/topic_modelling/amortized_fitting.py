"""Neural topic models fitted: first the inference network alone, then all of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.models import AmortizedTopicModel
from tfp_dgm.objectives import ELBO
from tfp_dgm.progress import Progress
from tfp_dgm.topic_modelling.count_batches import CountBatches

_LEARNING_RATE = 0.002
_BATCH, _LEAST_BATCHES = 200, 8
_FIRST_EPOCHS = 5  # Of the inference network alone.
_EPOCHS, _MOST_STEPS = 60, 12_000
_PATIENCE = 4  # Epochs.
_HELD_OUT_FROM, _HELD_OUT_SHARE, _MOST_HELD_OUT = 200, 0.1, 1_000  # Documents.
_AT_ONCE = 500


@dataclass(frozen=True)
class AmortizedHistory:
    """What `fit_amortized` saw.

    Attributes:
      bound: nats of all documents, after each epoch.
      held_out: nats a held-out document, likewise; nothing where there are too few to hold out.
    """

    bound: Sequence[float]
    held_out: Sequence[float]


def fit_amortized(
    model: AmortizedTopicModel,
    counts: scipy.sparse.csr_matrix,
    contexts: NDArray[np.floating] | None,
    *,
    seed: int,
    progress: Progress,
) -> AmortizedHistory:
    """Maximises the evidence lower bound in minibatches, by Adam.

    For five epochs the topics stay as they are, so that the inference network learns to tell them:
    a network that tells nothing yet would make them all alike, and it useless (posterior collapse).
    Then all is learned, until the bound of a tenth of the documents, held out, has not risen for
    four epochs; the best epoch's weights are kept. Of many documents there are as many epochs as
    make 12,000 steps.

    Args:
      model: one whose topics are a start.
      counts: [N, V].
      contexts: [N, H], or None.
      seed: of the order and of what is held out.
      progress: told of epochs.
    """
    order = np.random.default_rng(seed).permutation(counts.shape[0])
    held = 0
    if len(order) >= _HELD_OUT_FROM:
        held = min(_MOST_HELD_OUT, int(_HELD_OUT_SHARE * len(order)))
    held_out = _batches(counts, contexts, order[:held], None) if held else None
    training = _batches(counts, contexts, order[held:], seed)
    epochs = max(2, min(_EPOCHS, _MOST_STEPS // len(training)))
    first = min(_FIRST_EPOCHS, max(1, epochs // 2))
    told = _Told(progress, first + epochs)
    projection = model.likelihood.projection
    projection.trainable = False
    model.compile(keras.optimizers.Adam(_LEARNING_RATE), ELBO())
    # `CountBatches` shuffles by the seed; Keras would by a state of the whole process.
    model.fit(training, epochs=first, callbacks=[told], verbose=0, shuffle=False)
    projection.trainable = True
    model.compile(keras.optimizers.Adam(_LEARNING_RATE), ELBO())
    callbacks: list[Any] = [told]
    if held_out is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                "val_bound", mode="max", patience=_PATIENCE, restore_best_weights=True
            )
        )
    history = model.fit(
        training,
        validation_data=held_out,
        epochs=epochs,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
    ).history
    return AmortizedHistory(
        [counts.shape[0] * float(bound) for bound in history["bound"]],
        [float(bound) for bound in history.get("val_bound", ())],
    )


def in_batches(
    tell: Callable[[Any], Any],
    counts: scipy.sparse.csr_matrix,
    contexts: NDArray[np.floating] | None,
) -> NDArray[np.float32]:
    """What a function tells of a model's inputs [B, ...], for all documents in order: [N, ...].

    Args:
      tell: inputs as `AmortizedTopicModel` takes them -> [B, ...].
      counts: [N, V], sparse, N at least 1.
      contexts: [N, H], or None.
    """
    batches = in_order(counts, contexts)
    return np.concatenate([np.asarray(tell(batches[n][0])) for n in range(len(batches))])


def in_order(
    counts: scipy.sparse.csr_matrix, contexts: NDArray[np.floating] | None
) -> CountBatches:
    """All documents in batches, in their order."""
    return CountBatches(counts, contexts, batch_size=_AT_ONCE)


def _batches(
    counts: scipy.sparse.csr_matrix,
    contexts: NDArray[np.floating] | None,
    rows: NDArray[np.int64],
    seed: int | None,
) -> CountBatches:
    size = _BATCH if seed is None else min(_BATCH, -(-len(rows) // _LEAST_BATCHES))
    own = None if contexts is None else np.asarray(contexts, np.float32)[rows]
    return CountBatches(counts[rows], own, batch_size=max(1, size), seed=seed)


class _Told(keras.callbacks.Callback):
    """Tells how many epochs are done, over several trainings."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        super().__init__()
        self.progress, self.epochs, self.done = progress, epochs, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.done += 1
        self.progress("topics", self.done, self.epochs)
