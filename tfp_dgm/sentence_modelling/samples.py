"""What the model writes while it learns."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm import inference
from tfp_dgm.data import atomic_write
from tfp_dgm.sentence_modelling.token_rows import padded, strings


class Samples(keras.callbacks.Callback):
    """Texts drawn from the prior, and an interpolation between two held-out ones, each epoch.

    Args:
      path: file that gets them, in place of what it has of that epoch and later ones: a training
        that was killed before it saved its state comes to them again.
      rows: held-out token ids.
      seed: of the draws, and of the choice of the two.
      logs: folder for TensorBoard, whose tab of texts has them too; None for none.
    """

    def __init__(
        self, path: Path, rows: Sequence[np.ndarray], seed: int, *, logs: Path | None = None
    ) -> None:
        super().__init__()
        self.path = path
        random = np.random.default_rng(seed)
        self.ends = padded([rows[i] for i in random.integers(0, len(rows), 2)])
        self.seeds = tf.constant([[seed, i] for i in range(5)], tf.int32)
        self.logs = logs

    def on_train_begin(self, logs: Any = None) -> None:
        self.writer = None
        if self.logs is not None:
            self.writer = tf.summary.create_file_writer(str(self.logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        model = self.model
        z = model.prior(None).sample(5, seed=(int(self.seeds[0, 0]), epoch))
        ends = model(self.ends)  # [2, Z]
        path = inference.interpolate(model.prior(None), ends[0], ends[1], 5)
        texts = {
            "drawn": inference.sample_texts(model.decode(z), self.seeds),
            "between two sentences": inference.greedy(model.decode(path)),
        }
        written = {name: strings(model.vocabulary, ids) for name, ids in texts.items()}
        title = f"Epoch {epoch + 1}"
        lines = [title]
        for name, found in written.items():
            lines += [f"{name}:", *(f"  {text}" for text in found)]
        before = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        before = re.split(f"^{title}$", before, maxsplit=1, flags=re.MULTILINE)[0]
        with atomic_write(self.path) as file:
            file.write((before + "\n".join(lines) + "\n\n").encode())
        if self.writer is not None:
            with self.writer.as_default(step=epoch):
                for name, found in written.items():
                    tf.summary.text(name, found)
            self.writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        if self.writer is not None:
            self.writer.close()
