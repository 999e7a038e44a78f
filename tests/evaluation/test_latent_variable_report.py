"""The report holds what the single functions give, as numbers that JSON takes."""

import json

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.evaluation import linear_gaussian_vae as toy
from tfp_dgm import evaluation
from tfp_dgm.evaluation import report as report_module

pytestmark = pytest.mark.usefixtures("eager")

_, X = toy.draw(30)


def test_report_of_a_model_whose_evidence_is_known():
    model, _ = toy.factorised()
    steps = []
    report = evaluation.latent_variable_report(
        model,
        X,
        num_samples=300,
        batch_size=20,
        mutual_information_examples=10,
        seed=2,
        progress=lambda step, done, total: steps.append((step, done, total)),
    )
    assert json.loads(json.dumps(report)) == report
    of_each = [toy.REFERENCE.log_evidence(x) for x in X.astype(np.float64)]
    evidence = np.mean(of_each)
    assert report["log_likelihood"] == pytest.approx(evidence, abs=0.1)
    assert report["elbo"] < evidence - 0.1
    assert report["elbo"] == pytest.approx(report["reconstruction"] - report["kl"])
    assert sum(report["kl_per_dimension"]) == pytest.approx(report["kl"], rel=1e-5)
    assert (report["active_units"], report["units"]) == (2, 2)
    variances = np.var(model.posterior(X).mean().numpy(), axis=0, ddof=1)
    np.testing.assert_allclose(report["variances_of_means"], variances, rtol=1e-5)
    errors = stats.sem(evaluation.elbo_terms(model, X, num_samples=50, seed=2)["kl"])
    assert report["kl_standard_error"] == pytest.approx(errors, rel=1e-5)
    assert (report["num_examples"], report["num_samples"]) == (30, 300)
    assert report["mutual_information_num_examples"] == 10
    assert 0 < report["mutual_information"] < report["mutual_information_upper_limit"] == np.log(10)
    assert 1 < report["effective_sample_size"] < 300
    assert report["pareto_k"] < 0.7
    assert 0 <= report["pareto_k_above_0.7"] < 0.5
    error = stats.sem(of_each)
    assert report["log_likelihood_standard_error"] == pytest.approx(error, rel=0.1)
    assert {step for step, *_ in steps} == {"ELBO", "log-likelihood", "mutual information"}


def test_what_does_not_exist_is_none():
    report = evaluation.latent_variable_report(toy.exact(), X[:4], num_samples=3)
    assert report["kl_per_dimension"] is None  # Dimensions of a full covariance do not factorise.
    assert report["pareto_k"] is None
    assert report["pareto_k_above_0.7"] is None


def test_one_example_shows_no_spread():
    report = evaluation.latent_variable_report(toy.factorised()[0], X[:1], num_samples=3)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    nothing = {name for name, value in report.items() if value is None}
    errors = {name for name in report if name.endswith("_standard_error")}
    assert len(errors) == 6
    assert nothing == errors | {
        "active_units",
        "units",
        "variances_of_means",
        "pareto_k",
        "pareto_k_above_0.7",
    }


def test_information_of_a_dataset_is_estimated_on_some_of_its_examples(monkeypatch):
    """Drawn from all batches, each at most once."""
    seen = []
    measure = report_module.mutual_information

    def spy(model, data, **kwargs):
        seen.append(np.concatenate([batch.numpy() for batch in data]))
        return measure(model, data, **kwargs)

    monkeypatch.setattr(report_module, "mutual_information", spy)
    model, _ = toy.factorised()
    data = tf.data.Dataset.from_tensor_slices(X).batch(4)
    report = evaluation.latent_variable_report(
        model, data, num_samples=2, mutual_information_examples=12, seed=1
    )
    assert report["mutual_information_num_examples"] == 12
    assert report["mutual_information_upper_limit"] == np.log(12)
    assert report["num_examples"] == 30
    places = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in seen[0]]
    assert places == sorted(set(places))
    assert places[-1] >= 12
