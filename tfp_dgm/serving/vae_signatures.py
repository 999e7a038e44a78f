"""How autoencoders of images, and of any other dense inputs, are served."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.inference import draw
from tfp_dgm.models import VAE, HierarchicalVAE, Signature

# Draws of the latent behind a score.
SCORE_SAMPLES = 64
_LATENT_COUNTER, _SCORE_COUNTER = 0, 1
_EXAMPLES = 4


def vae_signatures(model: VAE) -> Mapping[str, Signature]:
    """The tasks of a VAE with one layer of latents.

        encode       inputs [...] -> encoding, the posterior's mean [Z]
        reconstruct  inputs [...] -> mean, that of p(x | encoding) [...]
        score        inputs [...], seed [2] -> log_likelihood, the importance-weighted bound with
                     `SCORE_SAMPLES` draws, in nats
        generate     seed [2] -> mean, that of p(x | z) for z drawn from the prior [...]

    `serving_default` is `encode`.

    Raises:
      ValueError: if the latents cannot be drawn by row.
    """

    def encode(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"encoding": model.posterior(inputs).mean()}

    def reconstruct(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"mean": model.decode(model.posterior(inputs).mean()).mean()}

    def score(inputs: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        posterior = model.posterior(inputs)
        z = draw(posterior, seed, _SCORE_COUNTER, num_samples=SCORE_SAMPLES)  # [S, B, Z]
        log_weights = model.log_likelihood(z, inputs) + model.prior(inputs).log_prob(z)
        log_weights -= posterior.log_prob(z)  # [S, B]
        bound = tf.reduce_logsumexp(log_weights, axis=0) - tf.math.log(float(SCORE_SAMPLES))
        return {"log_likelihood": bound}

    def generate(seed: tf.Tensor) -> dict[str, tf.Tensor]:
        z = draw(model.prior(None), seed, _LATENT_COUNTER)[0]  # [B, Z]
        return {"mean": model.decode(z).mean()}

    inputs, examples = _dense_inputs(model)
    seed = {"seed": tf.TensorSpec([None, 2], tf.int32)}
    seeds = {"seed": [[7, number] for number in range(_EXAMPLES)]}
    return {
        "serving_default": Signature(inputs=inputs, body=encode, examples=examples, xla=False),
        "encode": Signature(inputs=inputs, body=encode, examples=examples),
        "reconstruct": Signature(inputs=inputs, body=reconstruct, examples=examples),
        "score": Signature(inputs={**inputs, **seed}, body=score, examples={**examples, **seeds}),
        "generate": Signature(inputs=seed, body=generate, examples=seeds),
    }


def hierarchical_vae_signatures(model: HierarchicalVAE) -> Mapping[str, Signature]:
    """`encode` (the mean of q(z_1 | x)) and `reconstruct`, as for `vae_signatures`.

    `serving_default` is `encode`.
    """

    def encode(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"encoding": model(inputs)}

    def reconstruct(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        encoding = model(inputs)
        shape = [-1, *model.posterior_layers[0].event_shape]
        return {"mean": model.decode(tf.reshape(encoding, shape)).mean()}

    inputs, examples = _dense_inputs(model)
    return {
        "serving_default": Signature(inputs=inputs, body=encode, examples=examples, xla=False),
        "encode": Signature(inputs=inputs, body=encode, examples=examples),
        "reconstruct": Signature(inputs=inputs, body=reconstruct, examples=examples),
    }


def _dense_inputs(model: Any) -> tuple[dict[str, tf.TensorSpec], dict[str, np.ndarray]]:
    """Specs of the shape that the model was built for, and examples of noughts and ones."""
    shape = list(model.get_build_config()["input_shape"][1:])
    values = np.random.default_rng(0).integers(0, 2, [_EXAMPLES, *shape])
    return (
        {"inputs": tf.TensorSpec([None, *shape], tf.float32)},
        {"inputs": values.astype(np.float32)},
    )
