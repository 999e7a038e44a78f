"""How a language model is served."""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from tfp_dgm.inference import sample_texts
from tfp_dgm.models import LanguageModel, Signature
from tfp_dgm.serving.signatures.sentence_tasks import SentenceTasks


def language_model_signatures(model: LanguageModel) -> Mapping[str, Signature]:
    """The tasks of a language model.

        generate  seed [2], temperature -> text, log_probability log p(x)
        score     text -> log_likelihood log p(x), exact, in nats
        impute    the beginning of a text -> text, ended by a beam search of size 5

    `serving_default` is `generate`.

    Raises:
      ValueError: if the model has no vocabulary.
    """
    tasks = SentenceTasks(model)

    def generate(seed: tf.Tensor, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
        texts = model.texts(tf.shape(seed)[0])
        token_ids = sample_texts(texts, seed, temperature=temperature)
        return {"token_ids": token_ids, "log_probability": texts.log_prob(token_ids)}

    def score(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"log_likelihood": model.texts(tf.shape(token_ids)[0]).log_prob(token_ids)}

    generating = tasks.generating(generate)
    return {
        "serving_default": replace(generating, xla=False),
        "generate": generating,
        "score": tasks.reading(score),
        "impute": tasks.imputing(),
    }
