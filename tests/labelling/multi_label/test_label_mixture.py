import itertools

import numpy as np
import pytest

from tfp_dgm.labelling.multi_label import LabelMixture
from tfp_dgm.labelling.multi_label.dependence import choose_dependence
from tfp_dgm.labelling.multi_label.multi_label_layers import LabelDependence

SHARES = np.array([0.2, 0.5, 0.3])
RATES = np.array([[0.9, 0.2, 0.6, 0.1], [0.1, 0.7, 0.3, 0.2], [0.4, 0.5, 0.05, 0.8]])
LOGITS = np.array([[0.3, -1.2, 2.0, -0.4], [-2.1, 0.7, 0.1, 1.5]])
SETS = np.array(list(itertools.product([0, 1], repeat=4)))


def _joint(logits):
    """p(y | x) of all 16 sets, term by term."""
    marginals = [sum(s * r[k] for s, r in zip(SHARES, RATES, strict=True)) for k in range(4)]
    values = []
    for labels in SETS:
        prior = sum(
            share * np.prod([rate[k] if labels[k] else 1 - rate[k] for k in range(4)])
            for share, rate in zip(SHARES, RATES, strict=True)
        )
        evidence = 1.0
        for k in range(4):
            p = 1 / (1 + np.exp(-logits[k]))
            evidence *= p / marginals[k] if labels[k] else (1 - p) / (1 - marginals[k])
        values.append(prior * evidence)
    return np.array(values) / sum(values)


@pytest.mark.parametrize("marks", [(-1, -1, -1, -1), (1, -1, 0, -1), (0, 1, 1, 0)])
def test_conditioning_is_that_of_enumeration(marks):
    known = np.array([marks, marks], np.int8)
    probabilities, log_likelihood = LabelMixture(SHARES, RATES).condition(LOGITS, known)
    for row in range(2):
        joint = _joint(LOGITS[row])
        agrees = np.all((known[row] < 0) | (known[row] == SETS), axis=1)
        np.testing.assert_allclose(log_likelihood[row], np.log(joint[agrees].sum()), atol=1e-9)
        expected = (joint[agrees] @ SETS[agrees]) / joint[agrees].sum()
        np.testing.assert_allclose(probabilities[row], expected, atol=1e-9)


def test_the_layer_answers_as_enumeration_does():
    layer = LabelDependence(3, 4)
    layer.build()
    layer.set_weights([SHARES, RATES])
    labels = np.array([SETS[5], SETS[12]], bool)
    log_probability = layer.log_probability(np.float32(LOGITS), labels).numpy()
    for row, number in enumerate((5, 12)):
        joint = _joint(LOGITS[row])
        np.testing.assert_allclose(log_probability[row], np.log(joint[number]), atol=1e-5)
        np.testing.assert_allclose(layer(np.float32(LOGITS)).numpy()[row], joint @ SETS, atol=1e-5)


def test_em_finds_which_classes_go_together_though_marks_are_missing():
    rng = np.random.default_rng(3)
    first = rng.random(600) < 0.4
    marks = np.where(first[:, None], [1, 1, 0, 0], [0, 0, 1, 1]).astype(np.int8)
    flips = rng.random(marks.shape) < 0.02
    marks = np.where(flips, 1 - marks, marks).astype(np.int8)
    marks[rng.random(marks.shape) < 0.3] = -1
    mixture = LabelMixture.fit(marks, np.ones(600), 2, seed=0)
    order = np.argsort(-mixture.rates[:, 0])
    # 600 rows, of which 0.4 +- 0.02; rates within 3 standard errors of 0.02 and 0.98.
    np.testing.assert_allclose(mixture.shares[order], [0.4, 0.6], atol=0.06)
    np.testing.assert_allclose(mixture.rates[order][0], [0.98, 0.98, 0.02, 0.02], atol=0.04)
    np.testing.assert_allclose(
        mixture.towards_independence(0.3).marginals, mixture.marginals, atol=1e-9
    )


@pytest.mark.parametrize("depends", [True, False])
def test_dependence_is_kept_where_it_pays_alone(depends):
    rng = np.random.default_rng(5)
    first = rng.random(400) < 0.5
    marks = rng.random((400, 6)) < 0.5
    if depends:
        marks = np.where(first[:, None], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]) == 1
    logits = (marks - 0.5) * 1.5 + rng.normal(size=marks.shape)  # Evidence of each by itself.
    fold = rng.integers(0, 5, 400)
    found = choose_dependence(
        logits, marks.astype(np.int8), np.ones(400), fold, num_folds=5, seed=0
    )
    assert (len(found.mixture.shares) > 1) == depends
    assert (found.gain > 1) == depends
