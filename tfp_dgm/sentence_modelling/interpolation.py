"""What lies between two sentences."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm import inference
from tfp_dgm.data import DataError
from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.decoding import likeliest
from tfp_dgm.sentence_modelling.loading import require_vae, vocabulary_of
from tfp_dgm.sentence_modelling.token_rows import strings
from tfp_dgm.settings import check_seed


def draw_pairs(sentences: Sequence[str], pairs: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of different sentences, each sentence in one pair at most.

    Raises:
      DataError: if there are fewer different ones than `pairs` need, or the seed is none.
    """
    check_seed(seed)
    texts = list(dict.fromkeys(sentences))
    if len(texts) < 2 * pairs:
        raise DataError(
            f"`pairs`: {pairs} need {2 * pairs} different sentences; received {len(texts)}"
        )
    drawn = np.random.default_rng(seed).choice(len(texts), (pairs, 2), replace=False)
    return [(texts[i], texts[j]) for i, j in drawn]


def interpolate(
    model: TextModel,
    pairs: Sequence[tuple[str, str]],
    *,
    steps: int = 7,
    spherical: bool = False,
    beam_size: int = 10,
) -> list[dict[str, Any]]:
    """For each pair of sentences, the texts on the line between their posteriors' means.

    On the arc where that is asked for, or where the latents lie on the unit sphere.

    Returns:
      `start`, `stop` and `texts` (as many as `steps`, both ends included) of each pair.
    Raises:
      DataError: if the model is a language model.
    """
    vae = require_vae(model, "interpolate")
    answers = []
    for start, stop in pairs:
        first, last = tf.unstack(vae(tf.constant([start, stop])))  # [Z] each
        if spherical:
            way = inference.interpolate_spherically(first, last, steps)
        else:
            way = inference.interpolate(vae.prior(None), first, last, steps)
        texts = strings(vocabulary_of(vae), likeliest(vae.decode(way), beam_size))
        answers.append({"start": start, "stop": stop, "texts": texts})
    return answers
