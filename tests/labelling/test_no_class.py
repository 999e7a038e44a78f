"""How many rows are of no class, and which: in worlds where it is known."""

import numpy as np
import pytest
from scipy.special import expit

from tfp_dgm.labelling import no_class
from tfp_dgm.labelling.no_class import NONE, NoClass, label_names, label_probabilities
from tfp_dgm.labelling.no_class_fitting import rows_of_no_class


def _scores(annotated, others, share, seed, apart=2.0):
    """Normal scores of deviation 1 around 0, and those of strangers around `apart`."""
    rng = np.random.default_rng(seed)
    strange = rng.random(others) < share
    seen = rng.normal(size=annotated)
    return seen, rng.normal(size=others) + apart * strange, strange


def _fit(seen, others):
    return NoClass.fit(seen, np.tile(others[:, np.newaxis], 3), np.ones((2, len(seen))))


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_share_and_the_probabilities_of_two_normals_are_found(share):
    seen, others, _ = _scores(800, 4000, share, seed=1)
    model = _fit(seen, others)
    mean, low, high = model.share()
    assert low < share < high
    assert mean == pytest.approx(share, abs=0.05)
    at = np.linspace(-1, 4, 11)
    # log N(s; 2, 1) - log N(s; 0, 1) = 2 s - 2.
    exact = expit(2 * at - 2 + np.log(share / (1 - share)))
    np.testing.assert_allclose(model(at), exact, atol=0.08)
    assert model.evidence > 10


@pytest.mark.slow
def test_the_range_holds_the_share_as_often_as_it_says():
    held = 0
    for seed in range(30):
        seen, others, _ = _scores(150, 1000, 0.2, seed)
        _, low, high = _fit(seen, others).share()
        held += low <= 0.2 <= high
    assert held >= 18  # Of 24 that are expected, three standard errors fewer.


@pytest.mark.slow
def test_without_strangers_there_is_no_evidence():
    evidence = [_fit(*_scores(100, 800, 0, seed)[:2]).evidence for seed in range(30)]
    assert np.median(evidence) < 0
    assert np.sum(np.array(evidence) > 3) <= 1


def test_annotations_count_as_often_as_their_class_occurs():
    """Two classes of unlike scores, drawn evenly: without weights, half would look strange."""
    rng = np.random.default_rng(0)
    others = rng.normal(size=2000) + 1.5 * (rng.random(2000) < 0.8)
    label = np.arange(300) % 2
    seen = rng.normal(size=300) + 1.5 * label
    weights = np.where(label == 1, 1.6, 0.4)[np.newaxis]
    scores = np.tile(others[:, np.newaxis], 2)
    assert NoClass.fit(seen, scores, np.ones((1, 300))).evidence > 3
    assert NoClass.fit(seen, scores, weights * 300 / weights.sum()).evidence < 3


def test_the_mean_probability_is_the_share_at_every_point_of_the_grid():
    sample = np.random.default_rng(0).gamma(2, size=400)
    offsets = no_class._offsets(sample)
    for i in (0, 4, 8):
        for j in (0, 12, 24):
            mean = np.mean(
                [1 / (1 + np.exp(-no_class._SLOPES[i] * s - offsets[i, j])) for s in sample]
            )
            assert mean == pytest.approx(no_class._SHARES[j], rel=1e-4)


def test_draws_are_of_the_posterior_and_knots_follow_it():
    seen, others, _ = _scores(300, 1500, 0.25, seed=3)
    model = _fit(seen, others)
    draws = model.draws(others, seed=0)
    np.testing.assert_allclose(draws.mean(axis=0), model(others), atol=0.02)
    shares = draws.mean(axis=1)  # As far apart as the posterior's, of which 24 are few.
    deviation = np.sqrt(model.posterior.sum(axis=0) @ (no_class._SHARES - model.share()[0]) ** 2)
    assert np.std(shares) == pytest.approx(deviation, rel=0.3)
    between = np.linspace(others.min(), others.max(), 333)
    np.testing.assert_allclose(np.interp(between, *model.knots(others)), model(between), atol=0.01)


def test_labels_are_the_classes_and_none_of_them():
    probabilities, none = np.array([[0.7, 0.3], [0.5, 0.5]]), np.array([0.2, 1.0])
    assert label_names(["a", "b"]) == ["a", "b", NONE]
    found = label_probabilities(probabilities, none, ["a", "b"])
    np.testing.assert_allclose(found, [[0.56, 0.24, 0.2], [0, 0, 1]], atol=1e-6)
    found = label_probabilities(probabilities, none, [NONE, "b"])
    assert label_names([NONE, "b"]) == [NONE, "b"]
    np.testing.assert_allclose(found, [[0.76, 0.24], [1, 0]], atol=1e-6)


def test_few_rows_without_annotation_tell_nothing():
    view = np.random.default_rng(0).normal(size=(25, 3)).astype(np.float32)
    rows = np.arange(10)
    found = rows_of_no_class(
        [view],
        np.ones((25, 6)),
        rows,
        np.eye(2, dtype=bool)[rows % 2],
        rows % 5,
        np.ones((1, 10)),
        np.arange(25),
        seed=0,
    )
    assert found is None
