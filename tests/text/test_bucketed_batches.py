import keras
import numpy as np
import pytest

from tfp_dgm.text import BucketedBatches


def rows(count=57):
    lengths = np.random.default_rng(1).integers(1, 9, count)
    return [np.full(length, i + 3) for i, length in enumerate(lengths)]


def test_every_text_once_an_epoch():
    batches = BucketedBatches(rows(), 8, seed=3)
    for epoch in range(2):
        batches.epoch = epoch
        seen = []
        for i in range(len(batches)):
            (token_ids,) = batches[i]
            assert token_ids.dtype == np.int32
            for row, number in zip(token_ids, batches.index(i), strict=True):
                text = rows()[number]
                np.testing.assert_array_equal(row[: len(text)], text)
                assert not row[len(text) :].any()
                seen.append(number)
        assert sorted(seen) == list(range(57))


def test_little_is_padding():
    batches = BucketedBatches(rows(2000), 32, seed=0)
    assert batches.num_tokens == sum(map(len, rows(2000)))
    cells = sum(batches[i][0].size for i in range(len(batches)))
    assert batches.padding_share == pytest.approx(1 - batches.num_tokens / cells)
    assert batches.padding_share < 0.02


def test_order_depends_on_seed_and_epoch_alone():
    batches, other = BucketedBatches(rows(), 8, seed=3), BucketedBatches(rows(), 8, seed=3)
    first = [batches[i][0] for i in range(len(batches))]
    batches.on_epoch_begin()
    batches.on_epoch_end()
    second = [batches[i][0] for i in range(len(batches))]
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    other.epoch = 1
    for i, batch in enumerate(second):
        np.testing.assert_array_equal(other[i][0], batch)
    different = BucketedBatches(rows(), 8, seed=4)
    assert any(not np.array_equal(a, different[i][0]) for i, a in enumerate(first))


def test_without_a_seed_the_order_stays():
    batches = BucketedBatches(rows(), 8)
    first = [batches[i][0] for i in range(len(batches))]
    batches.on_epoch_begin()
    batches.on_epoch_end()
    for i, batch in enumerate(first):
        np.testing.assert_array_equal(batches[i][0], batch)


def test_widths_are_rounded_up():
    batches = BucketedBatches(rows(), 8, seed=1, multiple_of=4)
    assert {batches[i][0].shape[1] for i in range(len(batches))} == {4, 8}


def test_fit_takes_it_and_counts_epochs():
    model = keras.Sequential([keras.layers.Embedding(80, 1), keras.layers.GlobalMaxPooling1D()])

    class Count(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = model

        def call(self, x):
            return self.inner(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return keras.ops.mean(y_pred)

    count = Count()
    count.compile("sgd")
    batches = BucketedBatches(rows(), 8, seed=1)
    count.fit(batches, epochs=2, verbose=0)
    assert batches.epoch == 2
    assert int(count.optimizer.iterations) == 2 * len(batches)


@pytest.mark.parametrize("seed", [None, *range(20)])
def test_fit_sees_that_lengths_differ(seed):
    """Keras takes the shape of all batches from the first two."""
    lengths = [2] * 60 + [5] * 4
    batches = BucketedBatches([np.ones(length, int) for length in lengths], 4, seed=seed)
    assert {batches[i][0].shape[1] for i in range(2)} == {2, 5}
    assert sorted(np.concatenate([batches.index(i) for i in range(16)])) == list(range(64))
    one_length = BucketedBatches([np.ones(3, int)] * 9, 4, seed=seed)
    assert [one_length[i][0].shape for i in range(3)].count((4, 3)) == 2


def test_as_a_dataset():
    batches = BucketedBatches(rows(), 8, seed=1)
    for _ in range(2):
        found = list(batches.dataset())
        assert len(found) == len(batches)
        for i, batch in enumerate(found):
            np.testing.assert_array_equal(batch, batches[i][0])


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="`rows` is empty"):
        BucketedBatches([], 8)
    with pytest.raises(ValueError, match="received 0 and 1"):
        BucketedBatches(rows(), 0)
