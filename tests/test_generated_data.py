import gc
import weakref

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.generated_data import generated_dataset

SIGNATURE = tf.TensorSpec([2], tf.float32)


class _Rows:
    """Stands for data of a training."""

    def __init__(self):
        self.rows = np.arange(8, dtype=np.float32).reshape(4, 2)

    def __iter__(self):
        yield from self.rows


def test_what_generates_goes_with_the_dataset():
    rows = _Rows()
    watched = weakref.ref(rows)
    data = generated_dataset(lambda rows=rows: iter(rows), SIGNATURE)
    assert sum(float(tf.reduce_sum(row)) for row in data) == 28.0
    del rows, data
    gc.collect()
    assert watched() is None


def test_datasets_made_of_it_and_their_iterators_keep_it():
    def batches():
        return generated_dataset(lambda: iter(_Rows()), SIGNATURE).repeat(2).batch(3).prefetch(2)

    assert [len(batch) for batch in batches()] == [3, 3, 2]
    read = iter(batches())
    gc.collect()
    assert [len(batch) for batch in read] == [3, 3, 2]
    left = batches().as_numpy_iterator()
    gc.collect()
    assert len(next(left)) == 3


def test_keras_fits_on_it_more_than_once():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = generated_dataset(
        lambda: ((row[None], row[None, :1]) for row in _Rows().rows),
        (tf.TensorSpec([None, 2], tf.float32), tf.TensorSpec([None, 1], tf.float32)),
    )
    for _ in range(2):
        history = model.fit(data.repeat(), steps_per_epoch=4, shuffle=False, verbose=0)
        assert len(history.history["loss"]) == 1
