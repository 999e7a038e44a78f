import numpy as np
import pytest

from tests.saving import assert_comes_back
from tfp_dgm.layers import LearnedNormalPrior
from tfp_dgm.models import BagOfWordsVAE

X = np.random.default_rng(0).poisson(0.8, (6, 7)).astype(np.float32)
IDF = np.linspace(1, 3, 7)


def _model():
    model = BagOfWordsVAE(IDF, units=5, latent_units=2, word_log_probabilities=-IDF, seed=3)
    model.build((None, 7))
    return model


@pytest.mark.usefixtures("eager")
def test_predicts_the_mean_that_numpy_computes():
    model = _model()
    tf_idf = np.where(X > 0, 1 + np.log(np.maximum(X, 1)), 0) * IDF
    tf_idf /= np.maximum(np.linalg.norm(tf_idf, axis=1, keepdims=True), 1e-9)
    kernel, bias = (weight.numpy() for weight in model.encoder.layers[-1].weights)
    features = np.maximum(tf_idf @ kernel + bias, 0)
    kernel, bias = (weight.numpy() for weight in model.posterior_layer.projection.weights)
    np.testing.assert_allclose(model(X), (features @ kernel + bias)[:, :2], atol=1e-5)


def test_likelihood_is_of_the_damped_counts():
    model = _model()
    z = np.random.default_rng(1).normal(size=(3, 6, 2)).astype(np.float32)
    kernel, bias = (weight.numpy() for weight in model.likelihood.projection.weights)
    np.testing.assert_allclose(bias, -IDF, rtol=1e-6)
    logits = z @ kernel + bias
    log_words = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = (np.log(1 + X) * log_words).sum(axis=-1)
    np.testing.assert_allclose(model.log_likelihood(z, X), expected, rtol=1e-5)


def test_comes_back_from_a_file_and_trains_on(tmp_path):
    model = BagOfWordsVAE(IDF, units=5, latent_units=2, word_dropout=0.0, seed=3)
    assert_comes_back(model, (X,), tmp_path)


def test_built_again_it_keeps_what_it_has_learned():
    model = _model()
    bias = model.likelihood.projection.bias
    bias.assign(bias + 7.0)
    model.build((None, 7))
    np.testing.assert_allclose(bias, 7.0 - IDF, rtol=1e-5)


def test_a_copy_starts_at_the_same_bias():
    copy = BagOfWordsVAE.from_config(_model().get_config())
    copy.build((None, 7))
    np.testing.assert_allclose(copy.likelihood.projection.bias, -IDF, rtol=1e-6)


def test_parts_that_are_fixed_cannot_be_given():
    with pytest.raises(TypeError, match=r"no arguments \['prior'\]"):
        BagOfWordsVAE(IDF, prior=LearnedNormalPrior(50))
