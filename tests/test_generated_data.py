import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.generated_data import generated_dataset, kept_by_caller

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


class _Batches(keras.utils.PyDataset):
    """Two batches of a training, which count the epochs that they are told of."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rows = _Rows().rows
        self.told = []

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = self.rows[2 * index : 2 * index + 2]
        return rows, rows[:, :1]

    def on_epoch_begin(self):
        self.told.append("begin")

    def on_epoch_end(self):
        self.told.append("end")


class _Endless(_Batches):
    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        return super().__getitem__(index % 2)


def _generated():
    while True:
        yield from _Batches()


def _model():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile("sgd", "mse")
    return model


def _asked(model, how, data):
    if how == "fit":
        return model.fit(data, epochs=2, steps_per_epoch=2, shuffle=False, verbose=0).history
    steps = {"steps": 2, "verbose": 0}
    return model.evaluate(data, **steps) if how == "evaluate" else model.predict(data, **steps)


@pytest.mark.parametrize("how", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize(
    "make",
    [_Batches, lambda: _Batches(workers=2), _Endless, _generated],
    ids=["batches", "two workers", "endless", "generated"],
)
def test_what_keras_is_given_in_the_place_of_data_reads_them_and_lets_them_go(make, how):
    data, plain = make(), make()
    np.testing.assert_equal(
        _asked(_model(), how, kept_by_caller(data)), _asked(_model(), how, plain)
    )
    if isinstance(data, _Batches):
        assert data.told == plain.told
    watched = weakref.ref(data)
    del data
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize(
    "read", [lambda: kept_by_caller(_Batches())[0], lambda: next(kept_by_caller(_generated()))]
)
def test_it_says_that_data_are_gone(read):
    with pytest.raises(RuntimeError, match="the data are gone: keep them while they are read"):
        read()


def test_other_data_are_given_as_they_are():
    rows = np.ones((2, 2))
    apart = _Batches(use_multiprocessing=True)
    for data in (rows, [rows], None, tf.data.Dataset.range(2), apart):
        assert kept_by_caller(data) is data
