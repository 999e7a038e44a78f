import numpy as np
import pytest
from scipy.optimize import minimize

from tfp_dgm.labelling.class_shares import ClassShares
from tfp_dgm.labelling.self_training import (
    SelfTrainedHeads,
    fit_logistic_regressions,
    restrict,
    self_train,
)


def _objective(flat, x, targets, weights, ridge):
    """The ridge multinomial logistic regression of one head, by plain loops."""
    kernel = flat.reshape(x.shape[1], targets.shape[1])
    total = ridge / 2 * (kernel**2).sum()
    for row, target, weight in zip(x, targets, weights, strict=True):
        logits = row @ kernel
        total -= weight * (target @ (logits - np.log(np.exp(logits).sum())))
    return total


@pytest.mark.parametrize(("head", "block"), [(0, 10**6), (1, 10**6), (1, 42)])
def test_logistic_regression_finds_the_optimum_that_scipy_finds(head, block, monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.self_training._BLOCK", block)  # 42: of seven rows.
    rng = np.random.default_rng(0)
    x = np.hstack([rng.normal(size=(40, 3)), np.ones((40, 1))]).astype(np.float32)
    targets = rng.dirichlet(np.ones(3), (40, 2)).transpose(0, 2, 1).astype(np.float32)
    weights = rng.gamma(2, 1, (40, 2)).astype(np.float32)
    weights[rng.random((40, 2)) < 0.3] = 0
    found = fit_logistic_regressions(x, targets, weights, steps=400)[:, :, head]
    arguments = (x.astype(float), targets[:, :, head], weights[:, head], 0.01)
    best = minimize(_objective, np.zeros(12), arguments, method="BFGS", options={"gtol": 1e-6})
    assert _objective(found.ravel().astype(float), *arguments) < best.fun + 1e-3
    np.testing.assert_allclose(found, best.x.reshape(4, 3), atol=0.03)


def test_restrict_is_bayes_rule():
    probabilities = np.array([[[0.2], [0.3], [0.5]]])
    answer = restrict(probabilities, np.array([[[1.0], [1.0], [0.0]]]))
    np.testing.assert_allclose(answer.ravel(), [0.4, 0.6, 0.0], atol=1e-6)


def _clusters(seed=0, rows=300):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, rows)
    centres = np.eye(3)[truth] * 3
    noise = rng.normal(0, 0.7, (rows, 3))
    features = np.hstack([centres + noise, np.ones((rows, 1))])
    return features.astype(np.float32), truth


def _shares(rows, allowed):
    """Of texts that are all different, hidden in one fold."""
    return ClassShares(rows, allowed, np.zeros(len(rows), int), np.arange(len(rows)), seed=0)


@pytest.mark.parametrize("block", [10**6, 100])
def test_self_training_learns_clusters_from_two_labels_each(block, monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.self_training._BLOCK", block)
    features, truth = _clusters()
    rows = np.concatenate([np.flatnonzero(truth == k)[:2] for k in range(3)])
    allowed = np.eye(3, dtype=bool)[truth[rows]]
    steps = []
    heads = self_train(
        features,
        rows,
        allowed,
        np.ones((6, 1), bool),
        class_shares=_shares(rows, allowed),
        rare_class_power=0.3,
        seed=0,
        progress=lambda done, total: steps.append((done, total)),
    )
    answers = heads.predict(features)[:, :, 0]
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert (answers.argmax(axis=1) == truth).mean() > 0.9
    assert steps == [(n, 6) for n in range(1, 7)]


def test_rows_that_are_not_of_a_class_do_not_make_it_rare():
    """Two labels each, and all rows of two classes that are known not to be of the first."""
    features, truth = _clusters(rows=600)
    features[:, :3] *= 0.4
    rows = np.concatenate([np.flatnonzero(truth == k)[:2] for k in range(3)])
    denied = np.setdiff1d(np.flatnonzero(truth[:400] > 0), rows)
    allowed = np.concatenate(
        [np.eye(3, dtype=bool)[truth[rows]], np.tile([False, True, True], (len(denied), 1))]
    )
    rows = np.concatenate([rows, denied])
    right = []
    for taught in (6, len(rows)):
        heads = self_train(
            features,
            rows[:taught],
            allowed[:taught],
            np.ones((taught, 1), bool),
            class_shares=_shares(rows[:taught], allowed[:taught]),
            rare_class_power=0.0,
            seed=0,
            progress=lambda *_: None,
        )
        answers = heads.predict(features)[400:, :, 0]
        right.append((answers.argmax(axis=1) == truth[400:]).mean())
    assert right[1] > right[0] - 0.01
    assert right[1] > 0.9


# Other classes, or the same in other rows.
@pytest.mark.parametrize("lies", [[1, 2, 2, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 2, 1, 1, 0, 2, 0, 0]])
def test_a_model_never_sees_the_labels_it_must_not(lies):
    features, truth = _clusters()
    rows = np.arange(30)
    allowed = np.eye(3, dtype=bool)[truth[rows]]
    visible = np.ones((30, 2), bool)
    visible[:10, 1] = False
    wrong = allowed.copy()
    wrong[:10] = np.eye(3, dtype=bool)[lies]  # That only model 0 may see.
    fold = np.repeat([0, 1, 2], 10)

    def train(annotations):
        shares = ClassShares(rows, annotations, fold, np.arange(30), seed=0)
        heads = self_train(
            features,
            rows,
            annotations,
            visible,
            class_shares=shares,
            rare_class_power=0.0,
            seed=0,
            progress=lambda *_: None,
        )
        return heads.predict(features)

    honest, lied = train(allowed), train(wrong)
    assert np.abs(honest[:, :, 0] - lied[:, :, 0]).max() > 0.01
    # Only the number of rows in each class, which the random weights know, may shine through.
    assert np.abs(honest[:, :, 1] - lied[:, :, 1]).max() < 0.05


def test_answers_of_unevenly_drawn_labels_are_brought_to_the_shares_of_the_classes():
    wanted = np.array([0.2, 0.3, 0.5], np.float32)
    rng = np.random.default_rng(0)
    # One cluster, so that nothing but the shares tells how much of it is of which class.
    features = np.hstack([rng.normal(size=(600, 3)), np.ones((600, 1))]).astype(np.float32)
    labels = np.repeat([0, 1, 2], [24, 5, 3])
    features[:32] += np.eye(4, dtype=np.float32)[labels]
    rows, allowed = np.arange(32), np.eye(3, dtype=bool)[labels]
    shares = _shares(rows, allowed)
    assert shares.unevenness == 1

    class Known(ClassShares):
        def target(self, answers):
            return np.tile(wanted[:, np.newaxis], (1, answers.shape[2]))

    heads = self_train(
        features,
        rows,
        allowed,
        np.ones((32, 2), bool),
        class_shares=Known(rows, allowed, shares.fold, shares.group, seed=0),
        rare_class_power=0.0,
        seed=0,
        progress=lambda *_: None,
    )
    found = heads.predict(features)[:, :, 0].mean(axis=0)
    # About, since it learns from confident answers alone; the labels' own shares are 0.55 off.
    np.testing.assert_allclose(found, wanted, atol=0.2)


@pytest.mark.parametrize("block", [10**6, 24])
def test_the_matrix_form_gives_the_same_as_head_by_head(block, monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.self_training._BLOCK", block)
    rng = np.random.default_rng(1)
    rounds = [rng.normal(size=(4, 3, 2, 2)).astype(np.float32) for _ in range(3)]
    heads = SelfTrainedHeads(rounds)
    x = np.hstack([rng.normal(size=(5, 3)), np.ones((5, 1))]).astype(np.float32)
    weights = [0.0, 0.25, 0.75]  # Half the mean over rounds 2 and 3, half the last.
    expected = np.zeros((5, 3))
    for weight, kernel in zip(weights, rounds, strict=True):
        for head in range(2):
            logits = x @ kernel[:, :, head, 0]
            expected += weight / 2 * np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(heads.predict(x)[:, :, 0], expected, atol=1e-6)
    kernel, bias = heads.kernel_and_bias()
    logits = (x[:, :3] @ kernel + bias).reshape(5, 4, 3)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    mixed = np.einsum("bhk,h->bk", softmax, heads.head_weights())
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
