"""From a Keras seed generator to the stateless seed that TFP takes."""

from typing import Any

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
    return tf.random.fold_in(seed, tf.cast(replica.replica_id_in_sync_group, tf.int32))


class SavesSeed:
    """Mixin: the state of a layer's or model's `seed_generator` travels with its weights.

    Keras leaves it out of `.keras` files, and a reloaded model would repeat its first noise.
    """

    seed_generator: keras.random.SeedGenerator

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)  # type: ignore[misc]
        store["seed_state"] = self.seed_generator.state

    def load_own_variables(self, store: Any) -> None:
        self.seed_generator.state.assign(store["seed_state"])
        others = {key: store[key] for key in store.keys() if key != "seed_state"}  # noqa: SIM118
        super().load_own_variables(others)  # type: ignore[misc]
