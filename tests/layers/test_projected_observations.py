"""Flows before structure: densities by paths and numerical Jacobians, and what is not observed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.references import hidden_markov
from tfp_dgm import layers, training
from tfp_dgm.distributions import ProjectedObservations
from tfp_dgm.models import ExactLikelihoodModel

D, K = 3, 2
RANDOM = np.random.default_rng(4)
FRAMES = RANDOM.normal(size=(3, 4, D)).astype(np.float32)
FRAMES[1, 2:] = np.nan  # A shorter row, and one with a gap.
FRAMES[2, 1] = np.nan


def projected(volume_preserving, scale=0.5):
    """A layer with weights drawn in every place."""
    base = layers.GaussianHiddenMarkov(D, K, 4, min_scale=0.1, seed=1)
    layer = layers.ProjectedObservations(
        base, num_couplings=2, hidden_units=(5,), volume_preserving=volume_preserving
    )
    layer.build()
    random = np.random.default_rng(2)
    for weight in layer.weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return layer


def paths(layer, vectors):
    """log p(f(x), z) of every path, of vectors [T, D]."""
    initial, moves, loc, log_scale = (np.asarray(w, np.float64) for w in layer.base.weights)
    moved = layer().project(vectors).numpy()
    covariances = hidden_markov.covariances(0.1 + np.exp(log_scale), False)
    states = hidden_markov.normal_densities(loc, covariances, moved)
    return hidden_markov.path_scores(initial, moves, states)


@pytest.mark.parametrize("volume_preserving", [True, False])
def test_density_is_that_of_all_paths_and_the_determinants(volume_preserving):
    layer = projected(volume_preserving)
    step = 1e-2  # Smaller ones are lost in float32; the map is piecewise nearly linear.
    around = FRAMES + step * np.array([1, -1])[:, None, None, None, None] * np.eye(D)[:, None, None]
    ahead, behind = layer().project(around.astype(np.float32)).numpy()  # [D, 3, T, D] each
    jacobians = np.moveaxis((ahead - behind) / (2 * step), 0, -1)
    jacobians[np.isnan(FRAMES).any(axis=-1)] = np.eye(D)
    dets = np.linalg.slogdet(jacobians)[1].sum(axis=1)
    if volume_preserving:
        np.testing.assert_allclose(dets, 0, atol=1e-3)
    else:
        assert np.abs(dets).min() > 0.1
    lengths = [4, 2, 4]
    expected = [
        hidden_markov.total(paths(layer, frame[:length])) + det
        for frame, length, det in zip(FRAMES, lengths, dets, strict=True)
    ]
    np.testing.assert_allclose(layer().log_prob(FRAMES), expected, atol=2e-2)
    best = layer().posterior(FRAMES).mode().numpy()
    for row, length in enumerate(lengths):
        scores = paths(layer, FRAMES[row, :length])
        assert tuple(best[row, :length]) == max(scores, key=scores.get)


def test_padding_with_nan_changes_no_number_and_no_gradient():
    layer = projected(False)
    padded = np.pad(FRAMES, [(0, 0), (0, 2), (0, 0)], constant_values=np.nan)
    gradients = []
    for x in (FRAMES, padded):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_sum(layer().log_prob(x))
        gradients.append([loss, *tape.gradient(loss, layer.trainable_weights)])
    for ours, theirs in zip(*gradients, strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_draws_come_back_as_what_the_base_drew():
    distribution = projected(False)()
    drawn = distribution.sample(50, seed=(1, 2))
    base = distribution.distribution.sample(50, seed=(1, 2))
    np.testing.assert_allclose(distribution.project(drawn), base, rtol=1e-3, atol=1e-3)
    assert np.abs(drawn - base).max() > 0.1


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_training_goes_on_from_what_em_has_found():
    """Quicker: `structured_flow` in the golden files, with two steps."""
    base = layers.GaussianHiddenMarkov(D, K, 4, min_scale=0.3, seed=1)
    fitted = ExactLikelihoodModel(base)
    training.fit_em(fitted, FRAMES, iterations=5, smoothing=0.1)
    model = ExactLikelihoodModel(layers.ProjectedObservations(base, hidden_units=(8,)), seed=1)
    model.build(FRAMES.shape)
    np.testing.assert_allclose(model(FRAMES), fitted(FRAMES), rtol=1e-6)
    before = np.mean(model(FRAMES))
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(FRAMES, epochs=5, verbose=0)
    assert np.mean(model(FRAMES)) > before + 0.1
    assert np.abs(model.distribution(FRAMES).project(FRAMES[0]) - FRAMES[0]).max() > 0.01


@pytest.mark.parametrize(
    ("base", "error", "message"),
    [
        ("normal", TypeError, "`base` must be a distribution layer"),
        (layers.Categorical(3), ValueError, r"received Categorical, over whole numbers .* \(\)"),
        (layers.MultivariateNormalDiag(1), ValueError, r"2 dimensions; .* \(1,\)"),
    ],
)
def test_other_bases_are_refused(base, error, message):
    with pytest.raises(error, match=message):
        layers.ProjectedObservations(base)


def test_one_coupling_is_refused():
    with pytest.raises(ValueError, match="`num_couplings` must be an int >= 2; received 1"):
        layers.ProjectedObservations(layers.MultivariateNormalDiag(2), num_couplings=1)


def test_what_has_no_structure_has_no_posterior():
    distribution = layers.ProjectedObservations(layers.StandardNormalPrior(2))()
    assert isinstance(distribution, ProjectedObservations)
    with pytest.raises(TypeError, match=r"GenerativeStructure .*received MultivariateNormalDiag"):
        distribution.posterior(np.zeros([1, 2], np.float32))
