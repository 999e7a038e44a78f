"""Calibration and acceptance where rows come in sentences, whose words err together."""

import numpy as np
import pytest
import scipy.stats

from tfp_dgm.tagging.clustering import design_effect
from tfp_dgm.tagging.judged_rows import AnnotatedRows, Judge, two_classes

_MIN_PRECISION = 0.9


def _world(sentences, seed, words=12, together=1.0):
    """Stated probabilities [n, 4], truth, and sentences, in some of which much is wrong.

    The truth is drawn from the stated probabilities, tempered by a number of the sentence's own.
    """
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(sentences), words)
    logits = rng.normal(0, 4, (len(number), 4))
    stated = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    heat = np.exp(rng.normal(0.2, together, sentences))[number]
    true = np.exp(logits / heat[:, np.newaxis])
    true /= true.sum(axis=1, keepdims=True)
    truth = (rng.random((len(true), 1)) < true.cumsum(axis=1)).argmax(axis=1)
    return stated, truth, number


def test_rows_that_err_alone_have_no_design_effect():
    rng = np.random.default_rng(0)
    errors = rng.normal(size=20_000)
    assert design_effect(errors, np.arange(20_000) // 10) == pytest.approx(1, abs=0.05)


def test_rows_that_repeat_each_other_count_once():
    rng = np.random.default_rng(0)
    errors = np.repeat(rng.normal(size=4000), 7)
    assert design_effect(errors, np.arange(28_000) // 7) == pytest.approx(7, rel=0.02)


def test_with_few_sentences_the_effect_is_what_is_usual():
    assert 1.2 < design_effect(np.array([0.5, -0.5, 0.5, 0.5]), np.array([0, 0, 1, 1])) < 1.6
    assert design_effect(np.zeros(0), np.zeros(0, int)) == 1.5


def _run(sentences, seed):
    stated, truth, number = _world(sentences + 150, seed)
    seen = number < sentences
    labels = np.eye(4, dtype=bool)[truth]
    judge = Judge.of(AnnotatedRows(stated[seen], labels[seen], number[seen]))
    threshold = judge.threshold(stated[~seen], _MIN_PRECISION)
    if threshold is None:
        return None, judge
    answers = judge.calibration(stated[~seen])
    accepted = answers.max(axis=1) >= threshold
    return (answers.argmax(axis=1) == truth[~seen])[accepted].mean(), judge


@pytest.mark.slow
def test_the_promise_is_kept_in_nine_runs_of_ten_where_sentences_err_together():
    runs = [_run(sentences, seed) for sentences in (15, 40) for seed in range(25)]
    effects = [judge.effect for _, judge in runs]
    assert np.median(effects) > 1.5  # The worlds are what they should be.
    kept = [right >= _MIN_PRECISION for right, _ in runs if right is not None]
    assert len(kept) >= 25
    # Fewer would happen with a chance of 2 % if nine in ten are kept.
    assert sum(kept) >= scipy.stats.binom.ppf(0.02, len(kept), 0.9)


def test_only_rows_of_the_asked_class_are_looked_at():
    # "right" answers are right, whatever confident "wrong" ones are.
    rng = np.random.default_rng(0)
    probability = np.concatenate([np.full(300, 0.97), np.full(300, 0.03)])
    right = np.concatenate([rng.random(300) < 0.97, rng.random(300) < 0.5])
    rows = AnnotatedRows(two_classes(probability), np.eye(2, dtype=bool)[right * 1], np.arange(600))
    judge = Judge.of(rows)
    answers = two_classes(np.full(100, 0.97))
    assert judge.threshold(answers, 0.8, of=[1]) is not None
    assert judge.threshold(two_classes(np.full(100, 0.03)), 0.8, of=[1]) is None


def test_many_rows_are_taken_by_whole_sentences():
    stated, truth, number = _world(4000, 0)
    rows = AnnotatedRows(stated, np.eye(4, dtype=bool)[truth], number)
    kept = rows.fewer(seed=0)
    assert 19_000 < len(kept) <= 20_000
    assert set(np.bincount(kept.sentences)) == {0, 12}
