import numpy as np
import scipy.sparse

from tfp_dgm.labelling.naive_bayes import NaiveBayes, naive_bayes_em

SCALE, PRIOR, TEMPERATURE = 3.0, 0.03, 4.0
SMOOTHING = {"prior_count": PRIOR, "temperature": TEMPERATURE}


def _words(seed=0, rows=60):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows)
    rates = np.array([[4, 4, 1, 1, 0.5, 0.5], [0.5, 0.5, 1, 1, 4, 4]])[truth]
    counts = rng.poisson(rates).astype(np.float32)
    lengths = np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)
    return scipy.sparse.csr_matrix(counts / lengths), truth


def test_matches_naive_bayes_by_hand():
    words, _ = _words()
    shares = np.random.default_rng(1).dirichlet([1, 1], 60)
    answers = NaiveBayes.fit(words, shares[:, :, np.newaxis]).predict(words)[:, :, 0]
    dense = words.toarray()
    for n in (0, 17, 59):
        scores = []
        for k in range(2):
            counts = [SCALE * (shares[:, k] @ dense[:, v]) + PRIOR for v in range(6)]
            prior = (shares[:, k].sum() + 1) / (shares.sum() + 2)
            evidence = sum(SCALE * dense[n, v] * np.log(counts[v] / sum(counts)) for v in range(6))
            scores.append((evidence + np.log(prior)) / TEMPERATURE)
        expected = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(answers[n], expected, atol=1e-5)


def test_em_learns_from_texts_without_labels():
    words, truth = _words(rows=300)
    rows = np.array([np.flatnonzero(truth == k)[0] for k in range(2)])
    visible = np.ones((2, 1), bool)
    model = naive_bayes_em(words, rows, np.eye(2, dtype=bool), visible, np.ones(2), **SMOOTHING)
    assert (model.predict(words)[:, :, 0].argmax(axis=1) == truth).mean() > 0.95


def test_a_hidden_annotation_has_no_influence():
    words, truth = _words()
    rows = np.arange(20)
    allowed = np.eye(2, dtype=bool)[truth[rows]]
    visible = np.ones((20, 2), bool)
    visible[5, 1] = False
    lied = allowed.copy()
    lied[5] = ~lied[5]
    arguments = (visible, np.ones(20))
    honest = naive_bayes_em(words, rows, allowed, *arguments, **SMOOTHING).predict(words)
    answers = naive_bayes_em(words, rows, lied, *arguments, **SMOOTHING).predict(words)
    np.testing.assert_array_equal(honest[:, :, 1], answers[:, :, 1])
    assert np.abs(honest[:, :, 0] - answers[:, :, 0]).max() > 1e-4


def test_copies_that_count_their_share_are_one_text():
    words, truth = _words()
    allowed = np.eye(2, dtype=bool)[truth[:10]]
    once = (np.arange(10), allowed, np.ones((10, 1), bool), np.ones(10))
    # Rows 0 to 3 again, at the end; each of the two copies counts a half.
    copied = scipy.sparse.vstack([words, words[:4]]).tocsr()
    rows = np.concatenate([np.arange(10), np.arange(60, 64)])
    counts = np.where(np.isin(np.arange(14), [0, 1, 2, 3, 10, 11, 12, 13]), 0.5, 1.0)
    twice = (rows, np.concatenate([allowed, allowed[:4]]), np.ones((14, 1), bool))
    expected = naive_bayes_em(words, *once, **SMOOTHING).predict(words)
    np.testing.assert_allclose(
        naive_bayes_em(copied, *twice, counts, **SMOOTHING).predict(words), expected, atol=1e-4
    )
    full = naive_bayes_em(copied, *twice, np.ones(14), **SMOOTHING).predict(words)
    assert np.abs(full - expected).max() > 0.005
