"""Sentences as vectors."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.decoding import AT_ONCE
from tfp_dgm.sentence_modelling.loading import require_vae


def encode(model: TextModel, sentences: Sequence[str]) -> NDArray[np.float32]:
    """The posteriors' means of sentences: float32 [N, Z]; on the unit sphere their directions.

    Raises:
      DataError: if the model is a language model.
    """
    vae = require_vae(model, "encode")
    batches = [
        vae(tf.constant(sentences[start : start + AT_ONCE])).numpy()
        for start in range(0, len(sentences), AT_ONCE)
    ]
    return np.concatenate(batches)
