import keras
import numpy as np
import pytest

from tfp_dgm.networks import MLP


def test_matches_numpy():
    network = MLP([5, 3], activation="tanh")
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    answer = network(x).numpy()
    first, second = (layer for layer in network.stack if isinstance(layer, keras.layers.Dense))
    hidden = np.tanh(x.reshape(4, 6) @ first.kernel.numpy() + first.bias.numpy())
    expected = np.tanh(hidden @ second.kernel.numpy() + second.bias.numpy())
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_dropout_acts_in_training_only():
    network = MLP([4], input_dropout=0.5, dropout=0.5, seed=1)
    x = np.ones((64, 8), np.float32)
    calm = network(x).numpy()
    assert np.unique(calm, axis=0).shape[0] == 1
    assert np.unique(network(x, training=True).numpy(), axis=0).shape[0] > 10


def test_batch_normalization_learns_its_statistics_in_training():
    network = MLP([4], batch_normalization=True)
    x = np.random.default_rng(0).normal(3, 2, (256, 8)).astype(np.float32)
    before = network(x).numpy()
    for _ in range(50):
        network(x, training=True)
    assert np.abs(network(x).numpy() - before).max() > 0.1


def test_comes_back_from_a_keras_file(tmp_path):
    model = keras.Sequential(
        [keras.Input((6,)), MLP([5, 3], dropout=0.1, batch_normalization=True)]
    )
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(x), model(x))


def test_widths_are_checked():
    with pytest.raises(ValueError, match=r"`units` must be positive widths; received \[\]"):
        MLP([])
