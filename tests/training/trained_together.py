"""One of several processes that train the same models together; prints what came of it as JSON.

`TF_CONFIG=... python -m tests.training.trained_together NAME ...`, one process for each worker.
"""

import functools
import json
import sys

from tfp_dgm.data import DataError
from tfp_dgm.settings import read_cluster
from tfp_dgm.training import join_workers


def seeds(workers):
    import tensorflow as tf

    from tests.models import toys
    from tfp_dgm.layers import stateless_seed

    with workers.scope():
        generator = toys.vae().seed_generator

    @tf.function(autograph=False)
    def draw():
        return workers.strategy.run(stateless_seed, (generator,))

    return [draw().numpy().tolist() for _ in range(2)]


def trained(workers, name):
    from tests.models import replicas

    run = {
        "categorical": functools.partial(replicas.train_categorical, traced=True),
        "m2": replicas.train_annotated,
        "text": replicas.train_text,
    }[name]
    with workers.scope():
        return run()


def stream(workers):
    """Of a data set that is no array, by a model that is built outside of `fit`."""
    import keras
    import tensorflow as tf

    from tests.models import toys

    rows = tf.data.Dataset.from_tensor_slices(toys.binary(9)).batch(5)
    with workers.scope():
        model = toys.mixture(seed=1)
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        model.build((None, toys.WORDS))
        toys.randomized(model)
    history = model.fit(rows, epochs=1, verbose=0, shuffle=False).history
    weights = [weight.numpy().tolist() for weight in model.trainable_weights]
    return {"history": history, "weights": weights}


def exchanged(workers):
    """What the chief had, and what is said where the last settings are others."""
    index = workers.cluster.index
    told = [
        workers.from_chief(content if index == 0 else b"others").hex()
        for content in (b"", b"12345", bytes(range(256)))
    ]
    workers.require_same(settings={"seed": 3}, data="same")
    try:
        workers.require_same(settings={"seed": 3 + index}, data="same")
    except DataError as error:
        return told, str(error)
    return told, None


def refused(workers):
    """What a callback says that stays in one process."""
    import keras

    from tests.models import toys
    from tfp_dgm.training import AggressiveTraining

    rows = toys.binary(4)
    with workers.scope():
        model = toys.mixture(seed=1)
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        model.build((None, toys.WORDS))
    callback = AggressiveTraining([model.posterior_layer], rows, lambda step: rows)
    try:
        model.fit(rows, verbose=0, callbacks=[callback])
    except ValueError as error:
        return str(error)
    return None


def main(names):
    with join_workers(read_cluster(), start_seconds=240) as workers:
        runs = {"seeds": seeds, "stream": stream, "exchanged": exchanged, "refused": refused}
        found = {
            name: runs[name](workers) if name in runs else trained(workers, name) for name in names
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
