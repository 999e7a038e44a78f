"""How a compressor of sentences is served."""

from collections.abc import Mapping

import tensorflow as tf

from tfp_dgm.inference import beam_search
from tfp_dgm.models import SentenceCompressor, Signature
from tfp_dgm.serving.signatures.sentence_tasks import SentenceTasks

_BEAM_SIZE = 5


def sentence_compressor_signatures(model: SentenceCompressor) -> Mapping[str, Signature]:
    """The task of a compressor of sentences.

        serving_default  text -> text, the likeliest compression that a beam search of size 5
                         finds, and log_probability log q(c | x)

    Raises:
      ValueError: if the model has no vocabulary.
    """
    tasks = SentenceTasks(model)

    def compress(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        found, log_prob = beam_search(model.posterior(token_ids), _BEAM_SIZE)  # [B, K, L]
        return {"token_ids": found[:, 0], "log_probability": log_prob[:, 0]}

    return {"serving_default": tasks.reading(compress, writes=True)}
