"""How a stochastic recurrent text model is served."""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from tfp_dgm.inference import draw, sample_recurrent_texts, uniform
from tfp_dgm.models import Signature, StochasticRecurrentTextModel
from tfp_dgm.objectives import Noise, ParticleFilter
from tfp_dgm.serving.signatures.sentence_tasks import SentenceTasks

# Particles behind a score.
SCORE_PARTICLES = 16
# Scores are drawn with numbers that nothing of a generated text is drawn with.
_LATENTS, _ANCESTORS = 1 << 21, 1 << 22


def stochastic_recurrent_signatures(
    model: StochasticRecurrentTextModel,
) -> Mapping[str, Signature]:
    """The tasks of a stochastic recurrent text model.

        generate  seed [2], temperature -> text, log_probability log p(x | z) under its own latents
        score     text, seed [2] -> log_likelihood, the logarithm of an unbiased estimate of p(x) by
                  a particle filter of `SCORE_PARTICLES`, in nats

    `serving_default` is `generate`.

    Raises:
      ValueError: if the model has no vocabulary, or latents that cannot be drawn by row.
    """
    tasks = SentenceTasks(model)

    def generate(seed: tf.Tensor, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
        token_ids, log_prob = sample_recurrent_texts(model, seed, temperature=temperature)
        return {"token_ids": token_ids, "log_probability": log_prob}

    def score(token_ids: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        noise = Noise(
            lambda proposal, time: draw(
                proposal, seed, _LATENTS + time, num_samples=SCORE_PARTICLES
            ),
            lambda time, count: tf.transpose(uniform(seed, _ANCESTORS + time, [count])),
        )
        found = ParticleFilter(SCORE_PARTICLES).run(model.steps(token_ids), noise)
        return {"log_likelihood": found.value}

    generating = tasks.generating(generate)
    return {
        "serving_default": replace(generating, xla=False),
        "generate": generating,
        "score": tasks.reading(score, seeded=True),
    }
