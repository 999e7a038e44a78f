"""The log-likelihood by importance sampling, where the evidence is known."""

import numpy as np
import pytest
import tensorflow as tf

from tests.evaluation import linear_gaussian_vae as toy
from tfp_dgm.evaluation import (
    effective_sample_size,
    importance_weighted_log_likelihood,
    pareto_k,
)

_, X = toy.draw(7)
EVIDENCE = np.array([toy.REFERENCE.log_evidence(x) for x in X.astype(np.float64)])


def test_the_exact_posterior_gives_the_evidence_itself():
    result = importance_weighted_log_likelihood(toy.exact(), X, num_samples=5, batch_size=3)
    np.testing.assert_allclose(result["log_likelihood"], EVIDENCE, rtol=1e-5)
    np.testing.assert_allclose(result["effective_sample_size"], 5, rtol=1e-4)
    assert np.isnan(result["pareto_k"]).all()  # Five draws are too few for a fit.


def test_many_draws_of_another_posterior_come_near_it():
    model, _ = toy.factorised(shift=0.2)
    result = importance_weighted_log_likelihood(
        model, X, num_samples=4000, samples_per_step=300, batch_size=3, jit_compile=True
    )
    np.testing.assert_allclose(result["log_likelihood"], EVIDENCE, atol=0.15)
    assert (result["effective_sample_size"] < 3000).all()


def test_the_likelihood_is_unbiased_and_its_logarithm_too_small():
    """2,000 estimates from 3 draws each, within 5 standard errors: fails once in 10^6."""
    model, _ = toy.factorised(shift=0.2, scale=1.4 * toy.best_scale())
    copies = np.repeat(X[:1], 2000, axis=0)
    values = importance_weighted_log_likelihood(
        model, copies, num_samples=3, samples_per_step=2, batch_size=500
    )["log_likelihood"]
    ratio = np.exp(values - EVIDENCE[0])
    error = ratio.std() / np.sqrt(len(ratio))
    assert error < 0.05
    assert abs(ratio.mean() - 1) < 5 * error
    assert values.mean() < EVIDENCE[0] - 5 * values.std() / np.sqrt(len(values))


def test_a_dataset_of_batches_gives_what_an_array_does():
    model, _ = toy.factorised()
    run = {"num_samples": 4, "seed": 9}
    whole = importance_weighted_log_likelihood(model, X[:6], batch_size=3, **run)
    dataset = tf.data.Dataset.from_tensor_slices(X[:6]).batch(3)
    for name, values in importance_weighted_log_likelihood(model, dataset, **run).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-6)


def test_no_more_draws_are_decoded_at_a_time_than_was_said(monkeypatch):
    model, decoded = toy.factorised()[0], []
    decode = model.decode

    def watched(z, **kwargs):
        decoded.append(z.shape)
        return decode(z, **kwargs)

    monkeypatch.setattr(model, "decode", watched)
    importance_weighted_log_likelihood(
        model, X, num_samples=5000, samples_per_step=20, batch_size=7
    )
    assert [tuple(shape) for shape in decoded] == [(20, 7, 2)]  # Traced once; 250 steps follow.


def test_progress_is_told():
    told = []
    importance_weighted_log_likelihood(
        toy.factorised()[0],
        X,
        num_samples=2,
        batch_size=3,
        progress=lambda step, done, total: told.append((step, done, total)),
    )
    assert told == [("log-likelihood", done, 7) for done in (3, 6, 7)]


def test_effective_sample_size_by_hand():
    weights = np.array([[1.0, 1.0, 0.0], [1.0, 3.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 5.0]])
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights) - 800  # Far below the smallest float64.
    expected = [4.0, 16 / 10, 1.0]
    np.testing.assert_allclose(effective_sample_size(log_weights), expected, rtol=1e-10)
    assert np.isnan(effective_sample_size(np.full((3, 1), -np.inf))).all()


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_pareto_k_finds_the_shape_of_pareto_weights(k):
    """P(w > t) = t^(-1/k). The fit has standard error about (1 + k) / sqrt(tail of 1,000)."""
    uniform = np.random.default_rng(8).uniform(size=(100_000, 3))
    log_weights = -k * np.log(uniform)
    np.testing.assert_allclose(pareto_k(log_weights), k, atol=5 * (1 + k) / np.sqrt(1000))
    np.testing.assert_allclose(pareto_k(log_weights - 500), pareto_k(log_weights), rtol=1e-6)


def test_pareto_k_is_nan_where_there_is_no_fit():
    random = np.random.default_rng(8).normal(size=(40, 4))
    random[3, 1] = -np.inf
    random[:, 2] = 1.5
    fits = pareto_k(random)
    assert np.isnan(fits).tolist() == [False, True, True, False]
    assert np.isnan(pareto_k(random[:24, :1])).all()
    assert np.isfinite(pareto_k(random[:25, :1])).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((0, 4), np.float32), r"one positive number of examples; received \[0\]"),
        ((np.zeros((2, 4)), np.zeros((3, 4))), r"received \[2, 3\]"),
        (tf.data.Dataset.from_tensor_slices(X[:0]).batch(2), "received an empty dataset"),
    ],
)
def test_bad_data(data, message):
    with pytest.raises(ValueError, match=message):
        importance_weighted_log_likelihood(toy.factorised()[0], data, num_samples=2)


def test_bad_sizes():
    with pytest.raises(ValueError, match="expected at least 1; received 0, 50"):
        importance_weighted_log_likelihood(toy.factorised()[0], X, num_samples=0)
