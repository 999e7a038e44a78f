"""A categorical latent with a likelihood of numbers, for objectives that enumerate or draw it."""

import numpy as np
import tensorflow as tf

NOT_ALLOWED = -np.inf
LOGITS = np.array(
    [
        [0.5, -1.0, 2.0, 0.1],
        [NOT_ALLOWED, 0.7, NOT_ALLOWED, -0.6],
        [NOT_ALLOWED, NOT_ALLOWED, 1.3, NOT_ALLOWED],
    ]
)  # [B, K]
PRIOR = np.array([0.1, 0.2, 0.4, 0.3])
LOG_PX = np.array([[-3.0, -5.5, -1.2, -7.0], [-2.0, -8.1, -0.4, -6.3], [-1.0, -9.0, -4.4, -2.5]])


def log_likelihood(log_px):
    """log p(x_b | k) read off a table [B, K]."""

    def look_up(values):  # [S, B] -> [S, B]
        table = tf.broadcast_to(log_px, tf.concat([tf.shape(values), log_px.shape[-1:]], axis=0))
        return tf.gather(table, values, axis=-1, batch_dims=2)

    return look_up
