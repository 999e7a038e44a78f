"""Approximation and amortisation gap where both are known."""

import json

import numpy as np
import pytest
from scipy import stats

from tests.evaluation import linear_gaussian_vae as toy
from tfp_dgm.evaluation import inference_gaps

_, X = toy.draw(6)
EVIDENCE = np.array([toy.REFERENCE.log_evidence(x) for x in X.astype(np.float64)])


def test_gaps_equal_the_closed_form():
    """The best factorised posterior has the exact mean and the exact precision's diagonal.

    Bounds from 2,000 draws of six examples, of spread below 2 nats: within 5 standard errors,
    0.1 nats.
    """
    model, scale = toy.factorised(shift=0.4, scale=0.5 * toy.best_scale())
    kernel, bias = toy.mean_map()
    best = amortised = 0.0
    for x, evidence in zip(X.astype(np.float64), EVIDENCE, strict=True):
        mean = x @ kernel + bias
        best += (evidence - toy.REFERENCE.bound(x, mean, np.diag(toy.best_scale() ** 2))) / 6
        amortised += (evidence - toy.REFERENCE.bound(x, mean + 0.4, np.diag(scale**2))) / 6
    apart = np.array([-2.0, -1.0, 0.0, 0.0, 1.0, 2.0])  # The gaps, which are equal by themselves.
    gaps = inference_gaps(
        model, X, log_likelihood=EVIDENCE + apart, num_steps=300, num_samples=2000, batch_size=4
    )
    assert amortised - best > 0.5
    assert best > 0.15
    assert gaps["approximation_gap"] == pytest.approx(best, abs=0.1)
    assert gaps["amortisation_gap"] == pytest.approx(amortised - best, abs=0.15)
    assert gaps["inference_gap"] == pytest.approx(
        gaps["approximation_gap"] + gaps["amortisation_gap"]
    )
    assert gaps["inference_gap_standard_error"] == pytest.approx(stats.sem(apart), rel=0.1)


def test_one_example_has_no_standard_error():
    gaps = inference_gaps(
        toy.factorised()[0], X[:1], log_likelihood=EVIDENCE[:1], num_steps=1, num_samples=2
    )
    assert gaps["inference_gap_standard_error"] is None
    assert json.loads(json.dumps(gaps, allow_nan=False)) == gaps


def test_needs_the_evidence_of_every_example():
    with pytest.raises(ValueError, match="each of 6 examples; received shape"):
        inference_gaps(toy.factorised()[0], X, log_likelihood=EVIDENCE[:2], num_steps=1)
