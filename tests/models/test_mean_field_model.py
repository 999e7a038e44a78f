"""Factorial hidden Markov models by mean field: what they learn, and that they come back."""

import numpy as np
import pytest

from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import ExactLikelihoodModel, MeanFieldModel

X = np.random.default_rng(5).normal(size=(12, 4, 2)).astype(np.float32)
X[:, ::2, 0] += 4.0
X[3, 2:] = np.nan


def model_of(**kwargs):
    return MeanFieldModel(layers.FactorialHiddenMarkov(2, 2, 2, 4, seed=2), seed=1, **kwargs)


@pytest.mark.slow
def test_fit_on_batches_raises_the_log_likelihood(eager):
    """Quicker: `test_comes_back_from_a_file_and_trains_on`."""
    model = model_of(steps=2)
    exact = ExactLikelihoodModel(model.likelihood)
    model.build(X.shape)
    exact.build(X.shape)
    before = np.mean(exact.log_prob(X))
    model.compile("adam")
    model.optimizer.learning_rate = 0.2
    model.fit(X, batch_size=6, epochs=6, verbose=0)
    after, bound = np.mean(exact.log_prob(X)), np.mean(model(X))
    assert after > before + 1.0
    assert after - 0.5 < bound <= after + 1e-5


@pytest.mark.slow
def test_comes_back_from_a_file_and_trains_on(tmp_path):
    assert_comes_back(model_of(steps=2), (X,), tmp_path)


def test_other_layers_and_steps_are_refused():
    with pytest.raises(TypeError, match=r"`likelihood` must be .* received <Gaussian"):
        MeanFieldModel(layers.GaussianHiddenMarkov(2, 2, 4))
    with pytest.raises(ValueError, match="`steps` must be >= 1; received 0"):
        model_of(steps=0)
