import numpy as np
import pytest

from tfp_dgm.evaluation import adversarial_evaluation


def texts(count, low, high, seed):
    random = np.random.default_rng(seed)
    return [np.append(random.integers(low, high, random.integers(3, 8)), 2) for _ in range(count)]


def test_texts_of_one_kind_cannot_be_told_apart():
    """400 pairs: an accuracy beyond 5 standard errors of a half once in 10^6."""
    report = adversarial_evaluation(texts(400, 4, 20, 0), texts(400, 4, 20, 1))
    assert report["num_pairs"] == 400
    assert abs(report["adversarial_error"]) < 5 * 0.5 / np.sqrt(800)
    assert report["accuracy"] == pytest.approx(0.5 + report["adversarial_error"])


def test_other_words_are_told_apart():
    report = adversarial_evaluation(texts(200, 4, 20, 0), texts(200, 15, 30, 1))
    assert report["adversarial_error"] > 0.4


def test_order_and_length_tell():
    true = texts(200, 4, 20, 0)
    backwards = [np.append(np.sort(row[:-1]), 2) for row in true]
    endless = [np.append(row, row) for row in true]  # What follows END is not read.
    assert adversarial_evaluation(true, backwards)["adversarial_error"] > 0.1
    # Of two texts that are read as one, any classifier takes one for what it is.
    assert adversarial_evaluation(true, endless)["adversarial_error"] == pytest.approx(0)
    cut = [row[:-1] for row in true]
    assert adversarial_evaluation(true, cut)["adversarial_error"] > 0.4


def test_pairs_are_needed():
    with pytest.raises(ValueError, match="received 6 and 7"):
        adversarial_evaluation(texts(6, 4, 9, 0), texts(7, 4, 9, 0))
