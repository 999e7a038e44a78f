"""Sentences, encoded and written anew."""

from typing import Any

import tensorflow as tf

from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.decoding import AT_ONCE, likeliest
from tfp_dgm.sentence_modelling.loading import require_vae, vocabulary_of
from tfp_dgm.sentence_modelling.sentences import Texts
from tfp_dgm.sentence_modelling.token_rows import strings


def reconstruct(model: TextModel, texts: Texts, *, beam_size: int = 10) -> list[dict[str, Any]]:
    """Each sentence, its line, and what comes back from its posterior's mean.

    Returns:
      `line`, `sentence` and `reconstruction` of each.
    Raises:
      DataError: if the model is a language model.
    """
    vae = require_vae(model, "reconstruct")
    answers: list[str] = []
    for start in range(0, len(texts.sentences), AT_ONCE):
        z = vae(tf.constant(texts.sentences[start : start + AT_ONCE]))  # [B, Z]
        answers += strings(vocabulary_of(vae), likeliest(vae.decode(z), beam_size))
    return [
        {"line": line, "sentence": sentence, "reconstruction": answer}
        for line, sentence, answer in zip(texts.lines, texts.sentences, answers, strict=True)
    ]
