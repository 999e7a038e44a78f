"""Order and noise of binarised batches."""

import itertools

import numpy as np
import pytest

from tfp_dgm.data import binarise
from tfp_dgm.training import binarised_batches


def take(count, *args, **kwargs):
    return [batch.numpy() for batch in itertools.islice(binarised_batches(*args, **kwargs), count)]


def test_a_pass_holds_every_image_once_in_another_order_each_time():
    images = np.arange(12, dtype=np.float32)[:, np.newaxis] / 12
    batches = take(6, images, 4, binarise=False, seed=3)
    first, second = np.concatenate(batches[:3]), np.concatenate(batches[3:])
    np.testing.assert_allclose(np.sort(first, axis=0), images, rtol=1e-6)
    np.testing.assert_allclose(np.sort(second, axis=0), images, rtol=1e-6)
    assert (first != second).any()
    assert (first != images).any()


def test_pixels_are_drawn_with_their_values_as_probabilities():
    """4,000 draws of each grey value within 5 standard errors; never of black and white."""
    images = np.tile(np.array([0, 51, 128, 204, 255], np.uint8), (400, 1))
    batches = np.concatenate(take(10, images, 400, seed=1))
    assert batches.shape == (4000, 5)
    assert batches.dtype == np.float32
    assert set(np.unique(batches)) == {0.0, 1.0}
    expected = np.array([0, 51, 128, 204, 255]) / 255
    error = 5 * np.sqrt(expected * (1 - expected) / 4000)
    np.testing.assert_array_less(np.abs(batches.mean(axis=0) - expected), error + 1e-12)
    # Noise differs from pass to pass, and from image to image.
    halves = batches.reshape(2, 2000, 5)
    assert 0.3 < np.mean(halves[0, :, 2] == halves[1, :, 2]) < 0.7


def test_training_can_go_on_at_any_batch():
    images = np.random.default_rng(0).uniform(size=(10, 3)).astype(np.float32)
    whole = take(8, images, 3, seed=5)
    rest = take(3, images, 3, seed=5, first_batch=5)
    for batch, expected in zip(rest, whole[5:], strict=True):
        np.testing.assert_array_equal(batch, expected)
    assert any((a != b).any() for a, b in zip(whole, take(8, images, 3, seed=6), strict=True))


def test_a_batch_must_fit():
    with pytest.raises(ValueError, match="at most the number of images, 3; received 4"):
        binarised_batches(np.zeros((3, 2), np.float32), 4)


@pytest.mark.parametrize(
    "wrong", [np.float32(255), np.int64(255), np.float32(-0.5), np.float32("nan")]
)
def test_pixels_that_are_no_probabilities_are_refused(wrong):
    images = np.zeros((4, 3), wrong.dtype)
    images[2, 1] = wrong
    with pytest.raises(
        ValueError, match="`images`: expected values from 0 to 1; received values f"
    ):
        binarised_batches(images, 2)
    with pytest.raises(
        ValueError, match="`images`: expected values from 0 to 1; received values f"
    ):
        binarise(images, 0)
