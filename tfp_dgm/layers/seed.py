"""From a Keras seed generator to the stateless seed that TFP takes."""

import keras
import tensorflow as tf


def stateless_seed(generator: keras.random.SeedGenerator) -> tf.Tensor:
    """Draws the next seed: int32 [2], different in every replica of a `tf.distribute` strategy.

    Each replica holds its own copy of the generator's state; without its number in the seed, all
    would add the same noise to different examples.
    """
    seed = tf.cast(generator.next(), tf.int32)  # [2]
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return seed
    return tf.random.experimental.stateless_fold_in(
        seed, tf.cast(replica.replica_id_in_sync_group, tf.int32)
    )
