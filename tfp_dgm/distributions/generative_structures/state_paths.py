"""States of Markov chains, drawn from the first to the last."""

import tensorflow as tf


def draw_paths(
    initial: tf.Tensor, transitions: tf.Tensor, n: tf.Tensor, steps: int, seed: tf.Tensor
) -> tf.Tensor:
    """n paths of a chain.

    Args:
      initial: [K], log-probabilities of the first state.
      transitions: [K, K], from each state (the row) to the next.
      n: int32 [].
      steps: T.
      seed: int32 [2].
    Returns:
      int32 [n, T].
    """

    def draw(log_probs: tf.Tensor, time: tf.Tensor) -> tf.Tensor:  # [n, K] -> [n]
        fold = tf.random.fold_in(seed, time)
        return tf.random.stateless_categorical(log_probs, 1, fold, dtype=tf.int32)[:, 0]

    def step(
        time: tf.Tensor, state: tf.Tensor, path: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        state = draw(tf.gather(transitions, state), time)
        return time + 1, state, path.write(time, state)

    shape = tf.concat([[n], tf.shape(initial)], axis=0)
    first = draw(tf.broadcast_to(initial, shape), tf.constant(0))
    path = tf.TensorArray(tf.int32, steps, element_shape=first.shape).write(0, first)
    _, _, path = tf.while_loop(
        lambda time, *_: time < steps,
        step,
        (tf.constant(1), first, path),
        maximum_iterations=steps - 1,
        parallel_iterations=1,
    )
    return tf.transpose(path.stack())
