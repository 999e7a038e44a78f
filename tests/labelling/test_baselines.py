import numpy as np
import pytest

from tfp_dgm.labelling import BASELINES

WORDS = {0: ["apple", "pear", "plum"], 1: ["iron", "zinc", "rust"], 2: ["wave", "tide", "reef"]}


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_labels_separable_texts(name):
    rng = np.random.default_rng(0)
    truth = np.concatenate([np.arange(30) % 3, rng.integers(0, 3, 200)])
    texts = [" ".join(rng.choice([*WORDS[k], "the", "and"], 8)) for k in truth]
    observed = np.where(np.arange(230) < 30, truth, -1)
    answers = BASELINES[name](texts, observed, texts[30:], 0)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert (answers.argmax(axis=1) == truth[30:]).mean() > 0.9


def test_em_agrees_with_scikit_learn_where_everything_is_labelled():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    texts = [" ".join(rng.choice([*WORDS[k], "the", "and"], 8)) for k in truth]
    counts = CountVectorizer(min_df=2).fit_transform(texts)
    expected = MultinomialNB(class_prior=np.full(3, 1 / 3)).fit(counts, truth).predict_proba(counts)
    answers = BASELINES["naive Bayes + EM"](texts, truth, texts, 0)
    np.testing.assert_allclose(answers, expected, atol=1e-6)
