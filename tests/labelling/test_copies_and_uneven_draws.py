"""What copies and unevenly drawn labels must not do to the answers, and to what is accepted."""

import dataclasses

import numpy as np
import pytest

from tests.labelling.outcomes import one_hot
from tfp_dgm.confidence import copies
from tfp_dgm.labelling import fit_classifier
from tfp_dgm.labelling.features import fit_features
from tfp_dgm.labelling.folds import FOLDS, folds
from tfp_dgm.labelling.scores import metrics
from tfp_dgm.text import TfIdf, WordCounts

TOPICS, PER_TOPIC, RANDOM = 4, 150, 260


def _texts():
    """150 texts on each of four topics, then 260 of random words."""
    rng = np.random.default_rng(0)
    topics = [*np.repeat(np.arange(TOPICS), PER_TOPIC), *[-1] * RANDOM]
    texts = []
    for topic in topics:
        words = [f"common{i}" for i in rng.integers(0, 150, 9)]
        if topic >= 0:
            words += [f"topic{topic}word{i}" for i in rng.integers(0, 60, 2 + len(texts) % 2)]
        texts.append(" ".join(words))
    return texts, np.array(topics)


@pytest.fixture(scope="module")
def texts_and_features():
    texts, topics = _texts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 50)
        return texts, topics, fit_features(texts)


@pytest.fixture
def label_rows(texts_and_features):
    """Labels rows of the texts, which may be repeated, given their labels (-1 for none)."""
    texts, _, features = texts_and_features

    def run(rows, labels, num_classes, min_precision):
        chosen = dataclasses.replace(
            features, words=features.words[rows], views=tuple(view[rows] for view in features.views)
        )
        return fit_classifier(
            [texts[row] for row in rows],
            one_hot(list(labels), num_classes),
            [f"class {k}" for k in range(num_classes)],
            min_precision=min_precision,
            features=chosen,
        )[1]

    return run


def _draw(topics, labels_per_class):
    """Row numbers and their labels: so many labels of each topic, and 100 other rows of it."""
    rows, labels = [], []
    for k, count in enumerate(labels_per_class):
        theirs = np.flatnonzero(topics == k)
        rows += [*theirs[:count], *theirs[-100:]]
        labels += [k] * count + [-1] * 100
    return np.array(rows), np.array(labels)


@pytest.mark.slow
def test_copies_of_coin_flips_teach_nothing(texts_and_features, label_rows):
    _, topics, _ = texts_and_features
    random = np.flatnonzero(topics < 0)
    coins = np.random.default_rng(3).integers(0, 2, 60)
    rows = np.concatenate([random[:60].repeat(5), random[60:]])
    outcome = label_rows(rows, [*coins.repeat(5), *[-1] * (RANDOM - 60)], 2, 0.95)
    assert not outcome.accepted.any()
    checked = metrics(outcome)
    assert checked["cross_fitted"]["accuracy"] < 0.7
    assert checked["cross_fitted"]["unweighted"]["accuracy"] < 0.7
    assert checked["rows"]["copies"] == 240
    assert any("240 of the 300 rows with a label are copies" in w for w in outcome.warnings)
    # 60 texts tell what 60 texts tell.
    assert outcome.weights.sum() < 60.1


@pytest.mark.slow
def test_copies_of_wrong_labels_are_not_believed_more(texts_and_features, label_rows):
    _, topics, _ = texts_and_features
    rows, labels = _draw(topics, [20, 20, 20])
    wrong = np.random.default_rng(5).permutation(np.flatnonzero(labels >= 0))[:15]
    labels[wrong] = (labels[wrong] + 1 + np.arange(15) % 2) % 3
    times = np.where(labels >= 0, 3, 1)
    outcome = label_rows(rows.repeat(times), labels.repeat(times), 3, 0.95)
    assert outcome.copies == 120
    assert not outcome.accepted.any()
    # Right as often as the labels are, and not always.
    assert abs(metrics(outcome)["cross_fitted"]["accuracy"] - 0.75) < 0.12


def test_a_class_with_one_label_is_unknown_and_named(texts_and_features, label_rows):
    _, topics, _ = texts_and_features
    rows, labels = _draw(topics, [30, 30, 1])
    outcome = label_rows(rows, labels, 3, 0.8)
    assert not outcome.accepted.any()
    (warning,) = (w for w in outcome.warnings if "None of the predictions is accepted" in w)
    assert "class 2 has fewer than 3 labels" in warning
    assert "class 0" not in warning
    assert "class 1" not in warning
    assert metrics(outcome)["classes"][2]["share_high"] > 1 / 3


def test_a_class_that_was_drawn_rarely_is_found(texts_and_features, label_rows):
    _, topics, _ = texts_and_features
    rows, labels = _draw(topics, [48, 20, 8, 4])
    outcome = label_rows(rows, labels, 4, 0.8)
    hidden, truth = labels < 0, topics[rows]
    recalled = [(outcome.predicted == k)[hidden & (truth == k)].mean() for k in range(4)]
    assert min(recalled) > 0.55  # 0.46 where the predicted shares are believed.
    # Of the labels they are 0.35 off.
    np.testing.assert_allclose(outcome.class_shares.mean(axis=0), 0.25, atol=0.22)


def test_folds_keep_copies_together_and_classes_apart():
    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(200)]
    once = [" ".join(rng.choice(words, 20, replace=False)) for _ in range(60)]
    labels = np.arange(60) % 3
    # The same words in reverse, and with one exchanged.
    reverse = [" ".join(text.split()[::-1]) for text in once[:30]]
    near = [" ".join([*text.split()[:-1], "other"]) for text in once[:30]]
    texts = [*once, *reverse, *near]
    allowed = np.eye(3, dtype=bool)[np.concatenate([labels, labels[:30], labels[:30]])]
    order = rng.permutation(len(texts))
    counts = WordCounts.fit(texts).count_matrix(texts)
    group = copies([texts[i] for i in order], TfIdf.fit(counts).transform(counts)[order])
    assert len(set(group)) == 60
    fold = np.empty(len(texts), int)
    fold[order] = folds(allowed[order], group, seed=0)
    np.testing.assert_array_equal(fold[60:90], fold[:30])
    np.testing.assert_array_equal(fold[90:], fold[:30])
    for k in range(3):
        np.testing.assert_array_equal(np.bincount(fold[:60][labels == k], minlength=FOLDS), 4)
