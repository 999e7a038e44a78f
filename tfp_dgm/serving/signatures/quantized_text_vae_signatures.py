"""How a text VAE of codes is served."""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from tfp_dgm.inference import greedy, latents_of_texts, sample_texts
from tfp_dgm.models import QuantizedTextVAE, Signature
from tfp_dgm.serving.signatures.sentence_tasks import SentenceTasks


def quantized_text_vae_signatures(model: QuantizedTextVAE) -> Mapping[str, Signature]:
    """The tasks of a text VAE of codes.

        generate     seed [2], temperature -> text, log_probability log p(x | c), codes c [M]
        encode       text -> codes [M], the likeliest, and encoding, their vectors [M D]
        reconstruct  text -> text, the likeliest words step by step, and log_probability
        score        text -> log_likelihood, log p(x, c) of the likeliest codes, in nats: a lower
                     bound on log p(x)

    `serving_default` is `encode`.

    Raises:
      ValueError: if the model has no vocabulary, or a prior whose codes cannot be drawn by row.
    """
    tasks = SentenceTasks(model)

    def numbers(codes: tf.Tensor) -> tf.Tensor:
        return tf.argmax(codes, axis=-1, output_type=tf.int32)  # [B, M]

    def generate(seed: tf.Tensor, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
        codes = latents_of_texts(model.prior(None), seed)  # [B, M, K]
        texts = model.decode(codes)
        token_ids = sample_texts(texts, seed, temperature=temperature)
        return {
            "token_ids": token_ids,
            "log_probability": texts.log_prob(token_ids),
            "codes": numbers(codes),
        }

    def encode(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"codes": numbers(model.likeliest_codes(token_ids)), "encoding": model(token_ids)}

    def reconstruct(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        texts = model.decode(model.likeliest_codes(token_ids))
        likeliest = greedy(texts)
        return {"token_ids": likeliest, "log_probability": texts.log_prob(likeliest)}

    def score(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        codes = model.likeliest_codes(token_ids)
        log_px = model.decode(codes).log_prob(token_ids)
        return {"log_likelihood": log_px + model.prior(None).log_prob(codes)}

    encoding = tasks.reading(encode)
    return {
        "serving_default": replace(encoding, xla=False),
        "generate": tasks.generating(generate),
        "encode": encoding,
        "reconstruct": tasks.reading(reconstruct, writes=True),
        "score": tasks.reading(score),
    }
