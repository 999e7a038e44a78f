"""What is computed from the inputs is computed once a step, and what nobody asks for never."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models import captioner_toys, toys
from tests.models.texts import make_vae
from tfp_dgm import layers, networks, text
from tfp_dgm.models import M2, VAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import (
    ELBO,
    EnumeratedELBO,
    ExactMarginal,
    ScoreFunctionELBO,
    SemiAmortized,
    WakeSleep,
)

X, KINDS = toys.counts(6)
TARGETS = np.where(np.arange(6) < 3, KINDS, -1)
SEMI_AMORTIZED = SemiAmortized(ELBO(), num_steps=2, learning_rate=0.1)
STYLES = pytest.mark.parametrize("objective", [ELBO(), SEMI_AMORTIZED], ids=["elbo", "refined"])


def counted(monkeypatch, part, method="call"):
    """The list to which a method of a part adds its keyword `training` at each call."""
    calls, own = [], getattr(part, method)

    def call(*args, **kwargs):
        calls.append(kwargs.get("training"))
        return own(*args, **kwargs)

    monkeypatch.setattr(part, method, call)
    return calls


@STYLES
def test_moving_averages_move_once_a_step(objective):
    posterior = layers.BatchNormalizedNormalDiag(2, momentum=0.75)
    model = VAE(MLP([4]), None, layers.BagOfWords(toys.WORDS), posterior=posterior, seed=1)
    toys.randomized(model)
    means = posterior.projection(model.encoder(X))[:, :2].numpy().mean(axis=0)
    before = posterior.normalization.moving_mean.numpy()
    model.bound(X, objective=objective, training=True)
    expected = 0.75 * before + 0.25 * means
    assert np.abs(expected - before).max() > 0.1
    np.testing.assert_allclose(posterior.normalization.moving_mean, expected, rtol=1e-4)


@STYLES
def test_encoder_of_a_vae_runs_once(objective, monkeypatch):
    model = toys.vae()
    calls = counted(monkeypatch, model.encoder)
    model.bound(X, objective=objective, training=True)
    assert calls == [True]


@pytest.mark.parametrize(
    ("objective", "times"), [(ELBO(), 1), (SEMI_AMORTIZED, 1), (WakeSleep(), 2)], ids=str
)
def test_a_text_is_taken_to_tokens_once(objective, times, monkeypatch):
    """And read by the encoder once; the dreams of wake-sleep are further texts."""
    words = text.WordVocabulary(["one", "two", "three"])
    size = {"embedding_units": 3}
    model = make_vae(
        decoder=networks.LSTMDecoder(words.size, 4, conditioning_units=2, **size), vocabulary=words
    )
    model.encoder = networks.LSTMEncoder(words.size, 4, **size)
    tokenised, encoded = counted(monkeypatch, words), counted(monkeypatch, model.encoder)
    model.losses_per_example(tf.constant(["one two", "three"]), None, training=False)
    assert (len(tokenised), len(encoded)) == (1, 1)
    tokenised.clear(), encoded.clear()
    model.bound(tf.constant(["one two", "three"]), objective=objective, training=True)
    assert (len(tokenised), len(encoded)) == (1, times)


@pytest.mark.parametrize("classifier", [None, MLP([4])], ids=["shared", "own classifier"])
@pytest.mark.parametrize("classes", [EnumeratedELBO(), ExactMarginal(), ScoreFunctionELBO()])
def test_classifier_of_images_runs_each_network_once(classifier, classes, monkeypatch):
    model = M2(
        *(toys.CLASSES, MLP([4]), MLP([4]), layers.BagOfWords(toys.WORDS)),
        classifier=classifier,
        latent_units=2,
        class_objective=classes,
    )
    parts = [model.encoder, model.likelihood.projection, model.class_posterior_layer.projection]
    counts = [counted(monkeypatch, part) for part in parts]
    of_classes = counted(monkeypatch, type(classes), "_evaluate")
    of_style = counted(monkeypatch, ELBO, "_evaluate")
    model.losses_per_example(X, TARGETS, training=True)
    assert [len(calls) for calls in (*counts, of_classes, of_style)] == [1] * 5


def test_experts_that_are_summed_out_have_no_posterior(monkeypatch):
    inputs = captioner_toys.inputs()
    encoder = MLP([captioner_toys.FEATURES])
    model = captioner_toys.captioner(encoder=encoder)
    encoded = counted(monkeypatch, encoder)
    written = counted(monkeypatch, model.experts)
    judged = counted(monkeypatch, model.expert_posterior)
    model.losses_per_example(inputs, None, training=True)
    assert (encoded, written, judged) == ([True], [True], [])
    model.objective = EnumeratedELBO()
    encoded.clear(), written.clear()
    model.losses_per_example(inputs, None, training=True)
    # The E-step sees no dropout, and so reads the source by itself.
    assert (encoded, written, judged) == ([True, False], [False, True], [True])
