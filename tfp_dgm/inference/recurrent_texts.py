"""Texts out of a model with a latent at every token."""

from typing import Any

import tensorflow as tf

from tfp_dgm.inference.counter_based import gumbel
from tfp_dgm.inference.drawing import draw
from tfp_dgm.models import StochasticRecurrentTextModel
from tfp_dgm.token_ids import END, PAD, START

# Latents are drawn with numbers that no token is drawn with.
_LATENTS = 1 << 20


def sample_recurrent_texts(
    model: StochasticRecurrentTextModel,
    seeds: tf.Tensor,
    *,
    temperature: float | tf.Tensor = 1.0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws a latent and a token after the other, from the prior and given it.

    A row's text depends on its own seed alone, as with `sample_texts`.

    Args:
      model: built.
      seeds: int32 [B, 2].
      temperature: divides the logits of tokens, > 0; one for all rows, or [B].
    Returns:
      token_ids: int32 [B, max_length]: tokens, END, PAD.
      log_probability: float32 [B], nats; log p(x | z) of the text under its own latents.
    """
    rows = tf.shape(seeds)[0]
    divisor = tf.reshape(tf.cast(temperature, tf.float32), [-1, 1])

    def write(
        time: tf.Tensor, last: tf.Tensor, total: tf.Tensor, found: tf.TensorArray, state: Any
    ) -> tuple:
        z = draw(model.prior_of(state, last), seeds, _LATENTS + time)  # [1, B, Z]
        after = model.read(last, time, state, z)
        logits = model.logits(after)[0]  # [B, V]
        noisy = logits / divisor + gumbel(seeds, time, [logits.shape[-1]])
        token = tf.argmax(noisy, axis=-1, output_type=tf.int32)
        over = (last == END) | (last == PAD)
        token = tf.where(over, PAD, token)
        score = tf.gather(tf.nn.log_softmax(logits), token, batch_dims=1)
        total += tf.where(over, 0.0, score)
        after = tf.nest.map_structure(
            lambda new, old: tf.ensure_shape(new, old.shape), after, state
        )
        return time + 1, token, total, found.write(time, token), after

    found = tf.TensorArray(tf.int32, model.max_length, element_shape=[seeds.shape[0]])
    start = tf.ensure_shape(tf.fill([rows], START), [seeds.shape[0]])
    _, _, total, found, _ = tf.while_loop(
        lambda *_: True,
        write,
        (
            tf.constant(0),
            start,
            tf.zeros_like(start, tf.float32),
            found,
            model.initial_state(1, rows, model.max_length),
        ),
        maximum_iterations=model.max_length,
        parallel_iterations=1,
    )
    return tf.transpose(found.stack()), total
