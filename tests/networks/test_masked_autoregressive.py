import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.saving import assert_same_weights
from tfp_dgm.networks import MaskedAutoregressive


def network(**kwargs):
    layer = MaskedAutoregressive(4, 2, units=(7, 9), **kwargs)
    layer.build()
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


@pytest.mark.parametrize("reverse", [False, True])
def test_each_output_sees_the_dimensions_before_it_and_all_of_them(reverse):
    layer = network(reverse=reverse, context_size=3)
    x, context = tf.ones([1, 4]), tf.ones([1, 3])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, context])
        outputs = tf.unstack(layer(x, context)[0])  # Z times [P]
    order = list(range(4))[:: -1 if reverse else 1]
    for place, i in enumerate(order):
        seen = tape.gradient(outputs[i], x, unconnected_gradients="zero")[0].numpy() != 0
        assert {j for j in range(4) if seen[j]} == set(order[:place])
        of_context = tape.gradient(outputs[i], context)
        # The first one is a constant: hidden units see at least one dimension.
        assert (of_context is None or not np.any(of_context)) == (place == 0)


def test_context_broadcasts_against_samples():
    layer = network(context_size=3)
    random = np.random.default_rng(2)
    x = random.normal(size=(5, 6, 4)).astype("f4")  # [S, B, Z]
    context = random.normal(size=(6, 3)).astype("f4")  # [B, C]
    together = layer(x, context)
    for s, b in [(0, 0), (3, 5)]:
        alone = layer(x[s : s + 1, b], context[b : b + 1])[0]
        np.testing.assert_allclose(together[s, b], alone, rtol=1e-5, atol=1e-6)


def test_comes_back_from_a_file(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, network(reverse=True, activation="tanh")(inputs))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    x = np.random.default_rng(3).normal(size=(2, 4)).astype("f4")
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("arguments", [{"units": ()}, {"units": (4, 0)}])
def test_sizes_are_checked(arguments):
    with pytest.raises(ValueError, match="`dimensions` and `units` must be positive; received"):
        MaskedAutoregressive(3, 2, **arguments)
