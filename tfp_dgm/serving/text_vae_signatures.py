"""How a text VAE is served."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import tensorflow as tf

from tfp_dgm.inference import draw, greedy, impute, sample_texts
from tfp_dgm.models import Signature, TextVAE
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import END, NUM_SPECIAL, PAD

# Draws of the latent behind a score.
SCORE_SAMPLES = 16
_BEAM_SIZE = 5
# Latents and scores are drawn with numbers that no token of a text is drawn with.
_LATENT_COUNTER, _SCORE_COUNTER = 1 << 20, 1 << 21
_EXAMPLES, _EXAMPLE_WORDS = 4, 5


def text_vae_signatures(model: TextVAE) -> Mapping[str, Signature]:
    """The tasks of a text VAE.

        generate     seed [2], temperature -> text, log_probability log p(x | z), encoding z [Z]
        encode       text -> encoding, the posterior's mean [Z]
        reconstruct  text -> text, the likeliest words step by step, and log_probability
        score        text, seed [2] -> log_likelihood, the importance-weighted bound with
                     `SCORE_SAMPLES` draws, in nats
        impute       the beginning of a text -> text, ended by a beam search of size 5

    `serving_default` is `generate`. The twins read as many tokens of a text as the model writes
    (`max_length`); the plain signatures read all, but `impute`.

    Raises:
      ValueError: if the model has no vocabulary, or latents that cannot be drawn by row.
    """
    vocabulary = model.vocabulary
    if vocabulary is None:
        raise ValueError("model: expected a TextVAE with a vocabulary; received one without")

    def tokens(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"token_ids": vocabulary(text)}  # [B, T]

    def written(token_ids: tf.Tensor, log_probability: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"text": vocabulary.detokenize(token_ids), "log_probability": log_probability}

    def generate(seed: tf.Tensor, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
        z = draw(model.prior(None), seed, _LATENT_COUNTER)[0]  # [B, Z]
        texts = model.decode(z)
        token_ids = sample_texts(texts, seed, temperature=temperature)
        return {
            "token_ids": token_ids,
            "log_probability": texts.log_prob(token_ids),
            "encoding": z,
        }

    def generated(
        token_ids: tf.Tensor, log_probability: tf.Tensor, encoding: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return {**written(token_ids, log_probability), "encoding": encoding}

    def encode(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"encoding": model.posterior(token_ids).mean()}

    def reconstruct(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        texts = model.decode(model.posterior(token_ids).mean())
        likeliest = greedy(texts)
        return {"token_ids": likeliest, "log_probability": texts.log_prob(likeliest)}

    def tokens_and_seed(text: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**tokens(text), "seed": seed}

    def score(token_ids: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        posterior = model.posterior(token_ids)
        z = draw(posterior, seed, _SCORE_COUNTER, num_samples=SCORE_SAMPLES)  # [S, B, Z]
        # As one long batch: over several draws at once the positions are scored a part at a time,
        # in a loop that XLA does not compile.
        flat = tf.reshape(z, [-1, z.shape[-1]])  # [S B, Z]
        tiled = tf.tile(token_ids, [SCORE_SAMPLES, 1])  # [S B, T]
        log_px = tf.reshape(model.decode(flat).log_prob(tiled), [SCORE_SAMPLES, -1])
        log_weights = log_px + model.prior(None).log_prob(z)
        log_weights -= posterior.log_prob(z)  # [S, B]
        bound = tf.reduce_logsumexp(log_weights, axis=0) - tf.math.log(float(SCORE_SAMPLES))
        return {"log_likelihood": bound}

    def beginning(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = vocabulary(text)[:, : model.max_length]
        return {"token_ids": tf.where(ids == END, PAD, ids)}

    def end(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"token_ids": impute(model, token_ids, beam_size=_BEAM_SIZE)}

    def ended(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"text": vocabulary.detokenize(token_ids)}

    text_spec = tf.TensorSpec([None], tf.string)
    seed_spec = tf.TensorSpec([None, 2], tf.int32)
    ids_spec = {"token_ids": tf.TensorSpec([None, model.max_length], tf.int32)}
    texts = _example_texts(vocabulary, model.max_length)
    seeds = [[7, number] for number in range(len(texts))]
    from_text: dict[str, Any] = {"inputs": {"text": text_spec}, "examples": {"text": texts}}
    tasks = {
        "generate": Signature(
            inputs={"seed": seed_spec, "temperature": tf.TensorSpec([None], tf.float32)},
            body=generate,
            after=generated,
            examples={"seed": seeds, "temperature": [1.0, 0.5, 0.8, 1.2][: len(seeds)]},
        ),
        "encode": Signature(before=tokens, body=encode, body_inputs=ids_spec, **from_text),
        "reconstruct": Signature(
            before=tokens, body=reconstruct, after=written, body_inputs=ids_spec, **from_text
        ),
        "score": Signature(
            inputs={"text": text_spec, "seed": seed_spec},
            before=tokens_and_seed,
            body=score,
            body_inputs={**ids_spec, "seed": seed_spec},
            examples={"text": texts, "seed": seeds},
        ),
        "impute": Signature(
            before=beginning, body=end, after=ended, body_inputs=ids_spec, **from_text
        ),
    }
    return {"serving_default": replace(tasks["generate"], xla=False), **tasks}


def _example_texts(vocabulary: Vocabulary, max_length: int) -> list[str]:
    """A few of the vocabulary's own tokens, and none of the training data."""
    words = min(_EXAMPLE_WORDS, max_length - 1)
    rows = [
        [NUM_SPECIAL + (i + j * _EXAMPLES) % len(vocabulary.tokens) for j in range(words)]
        for i in range(_EXAMPLES)
    ]
    return [text.decode("utf-8") for text in vocabulary.detokenize(tf.constant(rows)).numpy()]
