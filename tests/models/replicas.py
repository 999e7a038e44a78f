"""Trains the same models on one device and on two, and prints what came of it as JSON.

A program of its own, since logical devices must be made before TensorFlow starts:
`python -m tests.models.replicas`.
"""

import json

import keras
import numpy as np
import tensorflow as tf

from tests.models import toys
from tfp_dgm.layers import stateless_seed

ROWS, BATCH = 9, 4  # Batches of 4, 4 and 1: the last one leaves a replica without any example.


def train(model, data, evaluate=False):
    model.compile(keras.optimizers.SGD(0.1))
    run = {"batch_size": BATCH, "verbose": 0}
    history = model.fit(**data, epochs=2, shuffle=False, **run).history
    evaluated = model.evaluate(**data, return_dict=True, **run) if evaluate else {}
    weights = {
        f"{index} {weight.path}": weight.numpy().tolist()
        for index, weight in enumerate(model.trainable_weights)
    }
    return {"history": history, "evaluated": evaluated, "weights": weights}


def seeds_of_replicas(strategy):
    with strategy.scope():
        generator = toys.vae().seed_generator

    @tf.function(autograph=False)
    def draw():
        return strategy.run(stateless_seed, (generator,))

    return [[seed.numpy().tolist() for seed in draw().values] for _ in range(2)]


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    counts, kinds = toys.counts(ROWS)
    targets = np.where(np.arange(ROWS) % 2 == 0, kinds, -1)
    weights = np.linspace(0.2, 1.8, ROWS).astype(np.float32)
    binary = {"x": toys.binary(ROWS)}
    annotated = {"x": counts, "y": targets, "sample_weight": weights}
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    result = {
        "seeds": seeds_of_replicas(strategy),
        "mixture": {"one": train(toys.randomized(toys.mixture()), binary, evaluate=True)},
        "m2": {"one": train(toys.quiet(toys.m2()), annotated)},
    }
    with strategy.scope():
        result["mixture"]["two"] = train(toys.randomized(toys.mixture()), binary, evaluate=True)
        result["m2"]["two"] = train(toys.quiet(toys.m2()), annotated)
        result["noisy"] = train(toys.vae(), {"x": counts})  # `fit` builds this one.
    print(json.dumps(result))


if __name__ == "__main__":
    main()
