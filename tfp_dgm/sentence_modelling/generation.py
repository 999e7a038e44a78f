"""New texts."""

from typing import Literal

import tensorflow as tf

from tfp_dgm import inference
from tfp_dgm.models import LanguageModel
from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.decoding import AT_ONCE, likeliest
from tfp_dgm.sentence_modelling.loading import vocabulary_of
from tfp_dgm.sentence_modelling.token_rows import strings
from tfp_dgm.settings import check_seed


def generate(
    model: TextModel,
    count: int,
    *,
    method: Literal["sample", "greedy", "beam"] = "sample",
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    beam_size: int = 10,
    seed: int = 0,
) -> list[str]:
    """New texts: latents from the prior, words from the decoder.

    Those of a language model have no latent, and are one text unless sampled.

    Args:
      model: a text VAE or a language model.
      count: how many.
      method: how words are chosen, given the latent.
      temperature, top_k, top_p: of `sample`; see `inference.sample_texts`.
      beam_size: of `beam`.
      seed: latent and words of text n are drawn by (seed, n) alone: a server that is given that
        seed writes the same text.
    Raises:
      ValueError: if the model's latents cannot be drawn by row; see `inference.draw`.
      DataError: if the seed is none.
    """
    check_seed(seed)
    texts: list[str] = []
    for start in range(0, count, AT_ONCE):
        rows = min(AT_ONCE, count - start)
        seeds = tf.stack([tf.fill([rows], seed), tf.range(start, start + rows)], axis=1)  # [B, 2]
        if isinstance(model, LanguageModel):
            distribution = model.texts(rows)
        else:
            distribution = model.decode(inference.latents_of_texts(model.prior(None), seeds))
        if method == "sample":
            ids = inference.sample_texts(
                distribution, seeds, temperature=temperature, top_k=top_k, top_p=top_p
            )
        else:
            ids = likeliest(distribution, 1 if method == "greedy" else beam_size)
        texts += strings(vocabulary_of(model), ids)
    return texts
