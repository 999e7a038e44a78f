"""A model of sentences trained by gradients of their likelihood, or of its bound."""

import keras

from tfp_dgm import models, training
from tfp_dgm.text import BucketedBatches


def train_by_gradients(
    model: models.LatentVariableModel,
    batches: BucketedBatches,
    *,
    epochs: int,
    step: str,
    progress: training.Progress,
) -> list[float]:
    """Trains a compiled model; nats of all sentences after each epoch.

    Args:
      model: compiled.
      batches: of token ids.
      epochs: how many.
      step: what progress is told of.
      progress: told of epochs.
    Raises:
      NonFiniteLossError: if the loss is no number any more.
    """
    history = model.fit(
        batches,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[
            training.NonFiniteGuard(),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: progress(step, epoch + 1, epochs)
            ),
        ],
    )
    return [bound * len(batches.rows) for bound in history.history["bound"]]
