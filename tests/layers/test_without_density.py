"""Layers that are known by their draws; `contract_rows` has those with densities."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.random_weights import randomize
from tests.saving import assert_same_weights
from tfp_dgm import distributions, layers, networks
from tfp_dgm.inference import draw
from tfp_dgm.objectives.wasserstein_mmd import squared_distance_of_draws

FEATURES = np.random.default_rng(7).normal(size=(3, 5)).astype(np.float32)


def point_mass(**kwargs):
    return layers.PointMass(2, **kwargs)


def implicit_prior(**kwargs):
    generator = networks.MLP([4], activation="tanh", seed=1)
    return layers.ImplicitPrior(2, generator, noise_units=3, **kwargs)


every_layer = pytest.mark.parametrize("make", [point_mass, implicit_prior])


def built(layer):
    layer.build((None, 5))
    randomize(layer)
    return layer


def by_hand(layer, noise):
    """What a generator of one hidden layer makes of noise [..., K], in float64."""
    kernel, bias, out, shift = (weight.numpy().astype(np.float64) for weight in layer.weights)
    return np.tanh(noise @ kernel + bias) @ out + shift


def test_a_point_is_the_affine_map_of_its_features():
    layer = built(point_mass())
    kernel, bias = (weight.numpy() for weight in layer.weights)
    posterior = layer(FEATURES)
    draws = posterior.sample(4, seed=(1, 2))
    assert (posterior.batch_shape, posterior.event_shape) == ((3,), (2,))
    for each in (*draws, posterior.mean(), distributions.point_estimate(posterior)):
        np.testing.assert_allclose(each, FEATURES @ kernel + bias, rtol=1e-5)
    assert not posterior.variance().numpy().any()
    seeds = np.array([[1, 0], [1, 1], [1, 2]], np.int32)
    np.testing.assert_array_equal(draw(posterior, seeds, 5, num_samples=4), draws)


def test_draws_of_a_generator_are_its_network_of_normal_noise():
    """20,000 of them and as many by NumPy: moments within 5 standard errors of the difference."""
    layer = built(implicit_prior())
    prior = layer(None)
    assert (prior.batch_shape, prior.event_shape) == ((), (2,))
    draws = prior.sample([4, 5000], seed=(1, 2)).numpy().reshape(-1, 2)
    seeds = np.stack([np.full(20_000, 3), np.arange(20_000)], axis=1).astype(np.int32)
    by_row = draw(prior, seeds, 5)[0].numpy()
    expected = by_hand(layer, np.random.default_rng(5).standard_normal((20_000, 3)))
    for found in (draws, by_row):
        for power in (1, 2, 3):
            gap = np.mean(found**power, axis=0) - np.mean(expected**power, axis=0)
            error = np.std(expected**power, axis=0) * np.sqrt(2 / 20_000)
            assert (np.abs(gap) < 5 * error).all()
    alone = draw(prior, seeds[17:18], 5)[0]
    np.testing.assert_allclose(alone[0], by_row[17], rtol=1e-5)
    noise = np.random.default_rng(6).normal(size=(2, 3, 3)).astype(np.float32)
    np.testing.assert_allclose(prior.from_noise(noise), by_hand(layer, noise), rtol=1e-4)


@every_layer
def test_whoever_asks_for_a_density_is_told(make):
    distribution = built(make())(FEATURES)
    with pytest.raises(NotImplementedError, match=r": has no density, .* WassersteinMMD"):
        distribution.log_prob(np.zeros(2, np.float32))
    with pytest.raises(NotImplementedError, match=": has no density"):
        distribution.experimental_sample_and_log_prob(seed=(1, 2))


@every_layer
def test_draws_teach_every_weight_and_a_frozen_layer_none(make):
    layer = built(make())
    with tf.GradientTape() as tape:
        drawn = tf.reduce_sum(layer(FEATURES).sample([4, 3], seed=(1, 2)) ** 2)
    gradients = tape.gradient(drawn, [weight.value for weight in layer.trainable_weights])
    assert len(gradients) == len(layer.weights) > 0
    assert all(np.abs(gradient).max() > 1e-3 for gradient in gradients)
    assert built(make(trainable=False)).trainable_weights == []


@every_layer
def test_draws_are_float32_under_any_policy(make, dtype_policy):
    expected = built(make())(FEATURES).sample(3, seed=(1, 2))
    dtype_policy("mixed_bfloat16")
    layer = built(make())
    drawn = layer(FEATURES).sample(3, seed=(1, 2))
    assert drawn.dtype == tf.float32
    np.testing.assert_allclose(drawn, expected, atol=0.05)


@every_layer
def test_config_and_keras_file_bring_the_layer_back(make, tmp_path):
    layer = make(name="given", trainable=False)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    copy = keras.saving.deserialize_keras_object(config)
    assert (copy.name, copy.trainable) == ("given", False)
    assert copy.get_config() == layer.get_config()
    sample = layers.Sample(point_mass(), prior=None, seed=1)
    features = keras.Input((5,))
    model = keras.Model(features, sample(features))
    randomize(model)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(model, again)
    np.testing.assert_array_equal(again(FEATURES), model(FEATURES))


def test_a_generator_that_is_no_layer_is_refused_by_name():
    with pytest.raises(TypeError, match=r"ImplicitPrior: `generator` must be a Keras .* 'mlp'"):
        layers.ImplicitPrior(2, "mlp")


def test_sizes_are_refused_by_name():
    with pytest.raises(ValueError, match="ImplicitPrior: `noise_units` must be a positive int"):
        layers.ImplicitPrior(2, networks.MLP([4]), noise_units=0)


def test_the_scale_of_a_prior_is_what_its_draws_are_apart():
    """20,000 pairs, within 5 standard errors."""
    for layer in (layers.LearnedNormalTriLPrior(3), layers.SphericalUniformPrior(3)):
        layer.build()
        randomize(layer)
        first, second = layer(None).sample([2, 20_000], seed=(1, 2)).numpy()
        apart = np.square(first - second).sum(-1)
        found = squared_distance_of_draws(layer(None))
        assert abs(found - apart.mean()) < 5 * apart.std() / np.sqrt(20_000)
