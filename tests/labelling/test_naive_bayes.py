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
    model = naive_bayes_em(words, rows, np.eye(2, dtype=bool), np.ones((2, 1), bool), **SMOOTHING)
    assert (model.predict(words)[:, :, 0].argmax(axis=1) == truth).mean() > 0.95


def test_a_hidden_annotation_has_no_influence():
    words, truth = _words()
    rows = np.arange(20)
    allowed = np.eye(2, dtype=bool)[truth[rows]]
    visible = np.ones((20, 2), bool)
    visible[5, 1] = False
    lied = allowed.copy()
    lied[5] = ~lied[5]
    honest = naive_bayes_em(words, rows, allowed, visible, **SMOOTHING).predict(words)
    answers = naive_bayes_em(words, rows, lied, visible, **SMOOTHING).predict(words)
    np.testing.assert_array_equal(honest[:, :, 1], answers[:, :, 1])
    assert np.abs(honest[:, :, 0] - answers[:, :, 0]).max() > 1e-4
