"""How a text VAE is served."""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from tfp_dgm.distributions import has_density, point_estimate
from tfp_dgm.inference import draw, greedy, latents_of_texts, sample_texts
from tfp_dgm.models import Signature, TextVAE
from tfp_dgm.objectives import Draws
from tfp_dgm.serving.signatures.sentence_tasks import SentenceTasks
from tfp_dgm.token_ids import END

# Draws of the latent behind a score.
SCORE_SAMPLES = 16
# Scores are drawn with numbers that nothing of a generated text is drawn with.
_SCORE_COUNTER = 1 << 21


def text_vae_signatures(model: TextVAE) -> Mapping[str, Signature]:
    """The tasks of a text VAE.

        generate     seed [2], temperature -> text, log_probability log p(x | z), encoding z [Z]
        encode       text -> encoding, the posterior's mean [Z], on the unit sphere its direction
        reconstruct  text -> text, the likeliest words step by step, and log_probability
        score        text, seed [2] -> log_likelihood, the importance-weighted bound with
                     `SCORE_SAMPLES` draws, in nats
        impute       the beginning of a text -> text, ended by a beam search of size 5

    `serving_default` is `generate`. Where posterior or prior has no density, there is no `score`.

    Raises:
      ValueError: if the model has no vocabulary, or latents that cannot be drawn by row.
    """
    tasks = SentenceTasks(model)

    def generate(seed: tf.Tensor, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
        z = latents_of_texts(model.prior(None), seed)  # [B, Z]
        texts = model.decode(z)
        token_ids = sample_texts(texts, seed, temperature=temperature)
        return {
            "token_ids": token_ids,
            "log_probability": texts.log_prob(token_ids),
            "encoding": z,
        }

    def encode(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"encoding": point_estimate(model.posterior(token_ids))}

    def reconstruct(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        texts = model.decode(point_estimate(model.posterior(token_ids)))
        likeliest = greedy(texts)
        return {"token_ids": likeliest, "log_probability": texts.log_prob(likeliest)}

    def score(token_ids: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        posterior = model.posterior(token_ids)
        z = draw(posterior, seed, _SCORE_COUNTER, num_samples=SCORE_SAMPLES)  # [S, B, Z]
        # As one long batch: over several draws at once the positions are scored a part at a time,
        # in a loop that XLA does not compile.
        flat = tf.reshape(z, [-1, z.shape[-1]])  # [S B, Z]
        tiled = tf.tile(token_ids, [SCORE_SAMPLES, 1])  # [S B, T]
        log_px = tf.reshape(model.decode(flat).log_prob(tiled), [SCORE_SAMPLES, -1])
        draws = Draws(log_px, model.prior(None).log_prob(z), posterior.log_prob(z))  # [S, B]
        bound = tf.reduce_logsumexp(draws.log_weights, axis=0) - tf.math.log(float(SCORE_SAMPLES))
        return {"log_likelihood": bound}

    generating = tasks.generating(generate)
    scored = (model.posterior(tf.constant([[END]])), model.prior(None))
    scoring = {"score": tasks.reading(score, seeded=True)} if all(map(has_density, scored)) else {}
    return {
        "serving_default": replace(generating, xla=False),
        "generate": generating,
        "encode": tasks.reading(encode),
        "reconstruct": tasks.reading(reconstruct, writes=True),
        **scoring,
        "impute": tasks.imputing(),
    }
