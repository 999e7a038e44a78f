"""What a decoder of texts says of a token, given states and the tokens before it."""

import tensorflow as tf

from tfp_dgm.layers import TokenSequence
from tfp_dgm.token_ids import PAD, START


def log_likelihood_by_state(
    likelihood: TokenSequence, token_ids: tf.Tensor, num_states: int, *, training: bool
) -> tf.Tensor:
    """log p(x_t | z_t = k, x_<t), float32 [B, T, K], nats; 0 at PAD.

    The decoder reads the whole text under each of the states, as if there were no other.

    Args:
      likelihood: of a decoder that is conditioned on states as indicators.
      token_ids: int32 [B, T].
      num_states: K.
      training: whether words and features drop out.
    """
    states = tf.eye(num_states)[:, tf.newaxis]  # [K, 1, K]
    texts = likelihood(states, training=training)
    return tf.transpose(texts.log_prob_per_token(token_ids), [1, 2, 0])


def log_likelihood_of_states(
    likelihood: TokenSequence, token_ids: tf.Tensor, z: tf.Tensor, num_states: int
) -> tf.Tensor:
    """sum_t log p(x_t | z_<=t, x_<t), float32 [S, B], nats: states int32 [S, B, T].

    The decoder steps from token to token, at each of them under its state, and keeps what it saw.
    """
    steps = token_ids.shape[-1]
    steps = tf.shape(token_ids)[-1] if steps is None else steps
    # As one axis N = S B: XLA compiles derivatives of loops over products of matrices alone.
    states = tf.one_hot(tf.reshape(z, [-1, steps]), num_states)  # [N, T, K]
    token_ids = tf.reshape(tf.broadcast_to(token_ids, tf.shape(z)), [-1, steps])

    def step(
        time: tf.Tensor, total: tf.Tensor, last: tf.Tensor, state: object
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, object]:
        token = token_ids[:, time]
        logits, state = likelihood(states[:, time]).step(last, time, state)
        score = tf.gather(tf.nn.log_softmax(logits), token, batch_dims=1)  # [N]
        return time + 1, total + tf.where(token == PAD, 0.0, score), token, state

    state = likelihood.decoder.initial_state(states[:, 0], steps)
    start = (tf.constant(0), tf.zeros_like(states[:, 0, 0]), START + 0 * token_ids[:, 0], state)
    _, total, *_ = tf.while_loop(
        lambda time, *_: time < steps, step, start, maximum_iterations=steps
    )
    return tf.reshape(total, tf.shape(z)[:-1])
