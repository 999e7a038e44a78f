"""A VAE of chains of states against the enumeration of all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, logsumexp

from tests.references.chains import chain as all_chains
from tests.saving import assert_same_weights
from tfp_dgm import models, objectives

V, K = 6, 2
TOKENS = np.array([[3, 1, 5, 2], [4, 4, 0, 0], [2, 0, 0, 0]], np.int32)
LENGTHS = (4, 2, 1)


def make(seed=3, **kwargs):
    return models.ChainVAE(V, K, keras.layers.Embedding(V, 4), seed=seed, **kwargs)


@pytest.fixture(scope="module")
def model():
    made = make()
    made.build((None, None))
    random = np.random.default_rng(2)
    for weight in made.trainable_weights:
        weight.assign(random.normal(size=weight.shape))
    return made


def enumerated(model, row):
    """log p(x, z) and log q(z | x) of every z, in NumPy."""
    length = LENGTHS[row]
    tokens = TOKENS[row, :length]
    emission = log_softmax(
        np.asarray(model.emission.kernel, np.float64) + np.asarray(model.emission.bias), axis=1
    )
    initial = log_softmax(np.asarray(model.initial_logits, np.float64))
    transitions = log_softmax(np.asarray(model.transition_logits, np.float64), axis=1)
    moves = (length - 1, K, K)
    joint = all_chains(emission[:, tokens].T, np.broadcast_to(transitions, moves), initial)
    layer = model.posterior_layer
    features = np.asarray(model.encoder.embeddings, np.float64)[tokens]
    unary = features @ np.asarray(layer.projection.kernel) + np.asarray(layer.projection.bias)
    own = np.broadcast_to(np.asarray(layer.transitions, np.float64), moves)
    posterior = all_chains(unary, own, np.asarray(layer.initial, np.float64))
    return joint, posterior


def test_the_exact_bound_and_the_evidence_are_those_of_enumeration(model):
    seed = tf.constant([1, 2])
    bound = model.bound(TOKENS, objective=objectives.EnumeratedELBO(), seed=seed)
    evidence = model.bound(TOKENS, objective=objectives.ExactMarginal(), seed=seed)
    for row in range(3):
        joint, posterior = enumerated(model, row)
        elbo = np.sum(posterior.probs * (joint.scores - posterior.log_probs))
        np.testing.assert_allclose(bound.value[row], elbo, rtol=1e-5)
        np.testing.assert_allclose(-bound.loss[row], elbo, rtol=1e-5)
        np.testing.assert_allclose(bound.log_weights[0, row], elbo, rtol=1e-5)
        np.testing.assert_allclose(evidence.log_weights[0, row], joint.log_partition, rtol=1e-5)
        np.testing.assert_allclose(evidence.value[row], joint.log_partition, rtol=1e-5)
        # The evidence's own terms are those of the true posterior.
        prior = joint.scores - _log_emissions(model, joint, row)
        kl = np.sum(joint.probs * (joint.log_probs - prior))
        np.testing.assert_allclose(evidence.kl[row], kl, rtol=1e-4, atol=1e-5)


def _log_emissions(model, joint, row):
    emission = log_softmax(
        np.asarray(model.emission.kernel, np.float64) + np.asarray(model.emission.bias), axis=1
    )
    tokens = TOKENS[row, : LENGTHS[row]]
    return np.array([emission[event, tokens].sum() for event in joint.events])


def test_draws_estimate_the_same_bounds(model):
    importance = objectives.ScoreFunctionImportanceWeighted(num_samples=4000)
    bound = model.bound(TOKENS, objective=importance, seed=tf.constant([3, 4]))
    for row in range(3):
        joint, posterior = enumerated(model, row)
        weights = np.exp(bound.log_weights[:, row] - joint.log_partition)
        assert abs(np.mean(weights) - 1) < 5 * np.std(weights) / np.sqrt(4000) + 1e-4
        value = np.log(np.mean(weights)) + joint.log_partition
        np.testing.assert_allclose(bound.value[row], value, rtol=1e-5)
        elbo = np.sum(posterior.probs * (joint.scores - posterior.log_probs))
        spread = np.std(bound.log_weights[:, row]) / np.sqrt(4000)
        assert abs(np.mean(bound.log_weights[:, row]) - elbo) < 5 * spread + 1e-4


def test_annotations_condition_the_posterior(model):
    states = np.array([[1, -1, -1, 0], [-1, -1, -1, -1], [0, 1, 1, 1]])
    losses, parts = model.losses_per_example(TOKENS, states, training=False)
    for row, length in enumerate(LENGTHS):
        joint, posterior = enumerated(model, row)
        known = states[row, :length]
        kept = np.array([np.all((event == known) | (known == -1)) for event in posterior.events])
        log_known = logsumexp(posterior.log_probs[kept])
        within = posterior.log_probs[kept] - log_known
        elbo = np.sum(np.exp(within) * (joint.scores[kept] - within))
        np.testing.assert_allclose(parts["bound"][0][row], elbo, rtol=1e-4)
        np.testing.assert_allclose(losses[row], -elbo - log_known, rtol=1e-4)


@pytest.mark.slow
def test_fit_learns_the_states_of_texts_of_which_few_are_annotated(tmp_path):
    """Quicker: the losses by enumeration above; `chain_vae` in the golden files, with a step."""
    random = np.random.default_rng(0)
    states = random.integers(0, K, (80, 5))
    # Odd tokens of one state, even ones of the other; rows of 2 to 5 tokens.
    tokens = 2 * random.integers(1, 3, states.shape) + states - (states == 0)
    tokens = np.clip(tokens, 1, V - 1)
    states = (tokens % 2 == 0).astype(int)
    tokens[np.arange(5) >= random.integers(2, 6, 80)[:, np.newaxis]] = 0
    annotated = np.where(np.arange(80)[:, np.newaxis] < 4, states, -1)
    made = make()
    made.compile(keras.optimizers.Adam(0.05))
    history = made.fit(tokens, annotated, batch_size=20, epochs=12, verbose=0).history
    assert history["bound"][-1] > history["bound"][0] + 1
    found = np.argmax(made(tokens), axis=-1)
    assert np.mean((found == states)[tokens > 0]) > 0.95
    made.save(tmp_path / "tagger.keras")
    copy = models.load_model(tmp_path / "tagger.keras")
    assert_same_weights(made, copy)
    np.testing.assert_allclose(copy(tokens), made(tokens), rtol=1e-6)


def test_what_are_no_texts_is_refused(model):
    with pytest.raises(ValueError, match=r"`x`: expected the shape \[B, T\]; received .*3, 4"):
        model.check_inputs(np.zeros((2, 3, 4)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="whole numbers from 0 to 5"):
        model.check_inputs(np.array([[1, 6]]))
    with pytest.raises(ValueError, match="`lengths` must be 1 to 2; received 0 in row 1"):
        model(np.array([[1, 2], [0, 0]]))
