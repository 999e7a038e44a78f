"""How autoencoders of images, and of any other dense inputs, score and generate."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import has_density
from tfp_dgm.inference import draw
from tfp_dgm.models import VAE, HierarchicalVAE, Signature
from tfp_dgm.objectives import Draws

# Draws of the latents behind a score.
SCORE_SAMPLES = 64
_LATENT_COUNTER, _SCORE_COUNTER = 0, 1
_EXAMPLES = 4


def vae_signatures(model: VAE | HierarchicalVAE) -> Mapping[str, Signature]:
    """What a VAE, of one layer of latents or several, is served for beyond encoding.

        score     inputs [...], seed [2] -> log_likelihood, the importance-weighted bound with
                  `SCORE_SAMPLES` draws, in nats
        generate  seed [2] -> mean, that of p(x | z) for z drawn from the prior [...]

    Without latents that `inference.draw` knows there is neither, and no `score` where the posterior
    or the prior has no density.
    """
    zeros = tf.zeros([1, *model.likelihood.event_shape])
    latents = (model.posterior(zeros), model.prior(zeros))
    if not all(map(_can_be_drawn, latents)):
        return {}

    def score(inputs: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        joint = model.joint(inputs)
        z = draw(joint.posterior, seed, _SCORE_COUNTER, num_samples=SCORE_SAMPLES)  # [S, B, ...]
        log_weights = Draws.of(joint, z).log_weights  # [S, B]
        bound = tf.reduce_logsumexp(log_weights, axis=0) - tf.math.log(float(SCORE_SAMPLES))
        return {"log_likelihood": bound}

    def generate(seed: tf.Tensor) -> dict[str, tf.Tensor]:
        z = draw(model.prior(None), seed, _LATENT_COUNTER)  # [1, B, ...]
        return {"mean": model.decode(z).mean()[0]}

    shape = model.likelihood.event_shape
    inputs = {"inputs": tf.TensorSpec([None, *shape], tf.float32)}
    rows = np.random.default_rng(0).integers(0, 2, [_EXAMPLES, *shape]).astype(np.float32)
    seed = {"seed": tf.TensorSpec([None, 2], tf.int32)}
    seeds = {"seed": [[7, number] for number in range(_EXAMPLES)]}
    signatures = {"generate": Signature(seed, generate, seeds)}
    if all(map(has_density, latents)):
        scoring = Signature({**inputs, **seed}, score, {"inputs": rows, **seeds})
        signatures = {"score": scoring, **signatures}
    return signatures


def _can_be_drawn(latents: tfd.Distribution) -> bool:
    try:
        draw(latents, tf.zeros([1, 2], tf.int32), 0)
    except ValueError:
        return False
    return True
